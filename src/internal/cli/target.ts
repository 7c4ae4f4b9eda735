/** What the arguments of verbs name: `RUN`, `RUN/STEP`, `RUN/STEP/ID`, and artifacts below them. */
import * as Effect from "effect/Effect"
import type { RunRecord, TaskRecord } from "../../RunRecord.ts"
import * as Reading from "../history/reading.ts"
import * as Cli from "./cli.ts"

/** A run, or its tasks of a step, or one of them. */
export interface Target {
  readonly run: RunRecord
  readonly step?: string
  /** A task's id, `train/3`. */
  readonly task?: string
}

const usage = (message: string) => new Cli.Exit({ code: Cli.exitCodes.usage, message })

/** The run of a name, among those that the command line speaks of. A whole id is found whatever its flow. */
export const run = (chosen: Cli.Chosen, name: string) =>
  Reading.get(name, name === "latest" || name.length < 26 ? { flow: chosen.flow } : {})

/** What `RUN[/STEP[/ID]]` names. */
export const parse = Effect.fnUntraced(function* (chosen: Cli.Chosen, text: string) {
  const [name = "", step, id, ...more] = text.split("/")
  if (name === "" || step === "" || id === "" || more.length > 0 || (id !== undefined && !/^\d+$/.test(id))) {
    return yield* usage(`"${text}" names no run or task. Write RUN, RUN/STEP or RUN/STEP/ID, as in latest/train/3.`)
  }
  const found = yield* run(chosen, name)
  const target: Target = {
    run: found,
    ...(step === undefined ? undefined : { step }),
    ...(id === undefined ? undefined : { task: `${step}/${id}` })
  }
  return target
})

/** The tasks of a target; fails where it names a step or a task that the run does not have. */
export const tasks = Effect.fnUntraced(function* (target: Target) {
  if (target.task !== undefined) return [yield* Reading.task(target.run, target.task)]
  if (target.step === undefined) return yield* Reading.tasks(target.run)
  const found: ReadonlyArray<TaskRecord> = yield* Reading.tasks(target.run, { step: target.step })
  return found.length > 0 ? found : [yield* Reading.task(target.run, target.step)] // which says what there is
})

/** What `RUN/STEP[/ID]/ARTIFACT` names: a task, and what it wrote or, failing that, read under that name. */
export const artifact = Effect.fnUntraced(function* (chosen: Cli.Chosen, text: string) {
  const [name = "", step = "", third = "", fourth, ...more] = text.split("/")
  if ([name, step, third, fourth].includes("") || more.length > 0) {
    return yield* usage(
      `"${text}" names no artifact. Write RUN/STEP/ARTIFACT or RUN/STEP/ID/ARTIFACT, as in latest/train/model.`
    )
  }
  const found = yield* run(chosen, name)
  const task = yield* Reading.task(found, fourth === undefined ? step : `${step}/${third}`)
  const wanted = fourth ?? third
  const ref = [...task.outputs, ...task.inputs].find((record) => record.name === wanted)
  if (ref !== undefined) return { task, ref }
  const names = [...new Set([...task.outputs, ...task.inputs].map((record) => record.name))]
  const has = names.length === 0 ? "It has none." : `It has: ${names.slice(0, 30).join(", ")}.`
  const message =
    task.status === "succeeded" || names.includes(wanted)
      ? `Task ${task.run}/${task.id} has no artifact "${wanted}". ${has}`
      : `Task ${task.run}/${task.id} has no artifact "${wanted}": it is ${task.status}. ${has}`
  return yield* new Cli.Exit({ code: Cli.exitCodes.failed, message })
})
