/**
 * The verb `show`: prints a run's tasks with status and duration, as text, as a graph, or as data; or one task in full.
 */
import * as Effect from "effect/Effect"
import * as Plan from "../../../Plan.ts"
import {
  type AttemptRecord,
  beganAt,
  isWaiting,
  type RefRecord,
  type RunRecord,
  type TaskRecord
} from "../../../RunRecord.ts"
import { RunStore } from "../../../RunStore.ts"
import * as Reading from "../../history/reading.ts"
import * as Text from "../../text.ts"
import * as Units from "../../units.ts"
import * as Cli from "../cli.ts"
import { causeLines, errorText } from "../errorText.ts"
import { withExistingStore } from "../store.ts"
import { paintStatus, type Style, styleFor } from "../style.ts"
import * as Target from "../target.ts"
import { draw, type Format } from "./plan.ts"

/** Up to this many runs that a run called are shown. */
const callsLimit = 200

/** A run with its status as it is shown. */
type ShownRun = Omit<RunRecord, "status"> & { readonly status: string }

/** Prints a run or some of its tasks. */
export const show = (cli: Cli.Cli, chosen: Cli.Chosen, text: string, format: Format) =>
  withExistingStore(
    cli,
    chosen,
    Effect.gen(function* () {
      const target = yield* Target.parse(chosen, text)
      const tasks = yield* Target.tasks(target)
      const shown = (run: RunRecord) => Effect.map(Reading.status(run), (status): ShownRun => ({ ...run, status }))
      const run = yield* shown(target.run)
      const store = yield* RunStore
      const newest = target.step === undefined ? yield* store.runs({ parent: run.id, limit: callsLimit + 1 }) : []
      const calls = yield* Effect.forEach(newest.slice(0, callsLimit).reverse(), shown)
      if (format === "json") {
        const metrics = yield* Reading.metrics(target.run, target.task === undefined ? {} : { task: target.task })
        return Cli.printJson(cli, { run, tasks, metrics, ...(target.step === undefined ? { calls } : undefined) })
      }
      if (format !== "text") return Cli.print(cli, draw(Plan.ofRun(target.run, tasks), format))
      const style = styleFor(cli.stdout, cli.environment)
      const lines =
        target.step === undefined
          ? runLines(run, tasks, calls, style)
          : tasks.flatMap((task) => taskLines(run, task, style))
      Cli.print(cli, lines.join("\n"))
      if (newest.length > callsLimit) Cli.say(cli, `These are the ${callsLimit} newest of the runs that it called.`)
    })
  )

/** The worker and thread that executed the last attempt at a task, on threads and on a cluster. */
const workerOf = (task: TaskRecord): string | undefined => task.attempts.at(-1)?.worker

const durationText = (record: AttemptRecord | TaskRecord) =>
  record.finishedAt === undefined ? "" : Units.duration(record.finishedAt - beganAt(record))

/** The status of a task: none outlives its run, whatever was recorded of it. */
const statusIn = (run: ShownRun, task: TaskRecord): string => {
  if (task.status !== "running") return task.status
  if (run.status !== "running") return run.status === "crashed" ? "crashed" : "interrupted"
  return isWaiting(task) ? "waiting" : "running"
}

/** What a run is, in a line. */
const runLine = (run: ShownRun, style: Style): string =>
  `${style.bold(run.flow)} · run ${run.id} · ${paintStatus(style, run.status)}${run.finishedAt === undefined ? "" : ` in ${Units.duration(run.finishedAt - run.startedAt)}`}`

const runLines = (
  run: ShownRun,
  tasks: ReadonlyArray<TaskRecord>,
  calls: ReadonlyArray<ShownRun>,
  style: Style
): ReadonlyArray<string> => {
  const facts = [
    ["started", `${Units.dateTime(run.startedAt)} on ${run.host}, process ${run.pid}`],
    ...(run.origin === undefined ? [] : [["resumes", run.origin]]),
    ...(run.resumedBy === undefined ? [] : [["resumed by", run.resumedBy]]),
    ...(run.parent === undefined ? [] : [["called by", run.parent]]),
    ...Object.entries(run.parameters).map(([name, value]) => [name, parameterText(value)]),
    ...(run.tags.length === 0 ? [] : [["tags", run.tags.map(Text.printable).join(", ")]]),
    [
      "system",
      Object.entries(run.systemTags)
        .map(([name, value]) => `${name} ${value}`)
        .join(", ")
    ]
  ]
  const hasWorkers = tasks.some((task) => workerOf(task) !== undefined)
  const failed = tasks.filter((task) => task.error !== undefined && task.status === "failed")
  const rows = tasks.map((task) => [
    task.id,
    paintStatus(style, statusIn(run, task)),
    task.how === "executed"
      ? task.attempts.length > 1
        ? `${task.attempts.length} attempts`
        : ""
      : `${task.how === "cached" ? "cached" : "taken over"} from ${task.source}${hasOtherCode(task) ? ", code changed" : ""}`,
    task.how === "executed" ? durationText(task) : "",
    Units.bytes(size(task.outputs)),
    ...(hasWorkers ? [workerOf(task) ?? ""] : []),
    task.parents.length === 0
      ? ""
      : `← ${task.parents.length > 8 ? `${task.parents.length} tasks` : task.parents.join(", ")}`
  ])
  return [
    runLine(run, style),
    Text.columns(facts.map(([name, value]) => [`  ${style.dim(name ?? "")}`, value ?? ""])),
    ...(rows.length > 0 ? [Text.columns(rows, new Set([3, 4]))] : calls.length > 0 ? [] : ["  It has no tasks."]),
    ...calls.map((called) => `calls ${runLine(called, style)}`),
    ...failed.flatMap((task) => [
      `${task.id} ${style.red("failed")}: ${Text.printable(task.error?.message ?? "")}`,
      ...causeLines(task.error).map((line) => `  ${line}`)
    ]),
    // A task that ended with its run, because the process did, has the run's error and is not listed above.
    ...(run.error === undefined || failed.some((task) => task.error?.message === run.error?.message)
      ? []
      : [`The run ${style.red(run.status)}: ${errorText(run.error)}`])
  ]
}

const taskLines = (run: ShownRun, task: TaskRecord, style: Style): ReadonlyArray<string> => [
  `${style.bold(task.id)} · ${paintStatus(style, statusIn(run, task))}${task.how === "executed" ? (task.finishedAt === undefined ? "" : ` in ${durationText(task)}`) : `, ${task.how === "cached" ? "cached" : "taken over"} from ${task.source}${hasOtherCode(task) ? "; its code has changed since" : ""}`}`,
  Text.columns(
    [
      ["started", Units.dateTime(task.startedAt)],
      ...(task.parents.length === 0 ? [] : [["follows", task.parents.join(", ")]]),
      ...(task.version === "" ? [] : [["version", task.version]]),
      ...(workerOf(task) === undefined ? [] : [["worker", workerOf(task)]]),
      ["key", task.key]
    ].map(([name, value]) => [`  ${style.dim(name ?? "")}`, value ?? ""])
  ),
  ...refs("in", task.inputs, style),
  ...refs("out", task.outputs, style),
  ...(task.attempts.length < 2
    ? []
    : task.attempts.map(
        (attempt) =>
          `  attempt ${attempt.number} ${paintStatus(style, attempt.status)}${attempt.finishedAt === undefined ? "" : ` in ${durationText(attempt)}`}${attempt.worker === undefined ? "" : ` on ${attempt.worker}`}${attempt.error === undefined ? "" : `: ${[Text.printable(attempt.error.message), ...causeLines(attempt.error)].join("\n    ")}`}`
      )),
  ...(task.error === undefined ? [] : [errorText(task.error)])
]

const refs = (side: string, refs: ReadonlyArray<RefRecord>, style: Style): ReadonlyArray<string> =>
  refs.length === 0
    ? []
    : [
        Text.columns(
          refs.map((ref) => [
            `  ${style.dim(side)}`,
            ref.name,
            ref.format,
            Units.bytes(ref.size),
            `sha256 ${ref.digest.slice(0, 12)}…`,
            side === "out" || ref.writer === undefined ? "" : `← ${ref.writer}`
          ]),
          new Set([3])
        )
      ]

/** Whether the outputs of a task were written by different code than the step has now. */
const hasOtherCode = ({ code, sourceCode }: TaskRecord): boolean =>
  code !== undefined && sourceCode !== undefined && code !== sourceCode

const size = (refs: ReadonlyArray<RefRecord>) => refs.reduce((sum, ref) => sum + ref.size, 0)

const parameterText = (value: unknown): string => Text.fit(Text.printable(JSON.stringify(value)), 200)
