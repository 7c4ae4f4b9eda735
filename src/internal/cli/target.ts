/** Resolves the arguments of verbs: `RUN`, `RUN/STEP`, `RUN/STEP/ID`, and the artifacts below them. */
import * as Effect from "effect/Effect"
import type { RunRecord, TaskRecord } from "../../RunRecord.ts"
import { RunStore } from "../../RunStore.ts"
import * as Reading from "../history/reading.ts"
import * as Cli from "./cli.ts"

/** A run, the tasks of one of its steps, or a single task. */
export interface Target {
  readonly run: RunRecord
  readonly step?: string
  /** A task's id, `train/3`. */
  readonly task?: string
}

const usage = (message: string) => new Cli.Exit({ code: Cli.exitCodes.usage, message })

/** Finds a run by name among the runs that the command line covers. A full id is found for every flow. */
export const run = (chosen: Cli.Chosen, name: string) =>
  Reading.get(name, name === "latest" || name.length < 26 ? { flow: chosen.flow } : {})

/** Resolves `RUN[/STEP[/ID]]`. */
export const parse = Effect.fnUntraced(function* (chosen: Cli.Chosen, text: string) {
  const [name = "", step, id, ...more] = text.split("/")
  if (name === "" || step === "" || id === "" || more.length > 0 || (id !== undefined && !/^\d+$/.test(id))) {
    return yield* usage(
      `"${text}" is not the name of a run or task. Write RUN, RUN/STEP or RUN/STEP/ID, for example latest/train/3.`
    )
  }
  const record = yield* run(chosen, name)
  const target: Target = {
    run: record,
    ...(step === undefined ? undefined : { step }),
    ...(id === undefined ? undefined : { task: `${step}/${id}` })
  }
  return target
})

/** The tasks of a target. Fails if the run does not have the step or task. */
export const tasks = Effect.fnUntraced(function* (target: Target) {
  if (target.task !== undefined) return [yield* Reading.task(target.run, target.task)]
  if (target.step === undefined) return yield* Reading.tasks(target.run)
  const tasks: ReadonlyArray<TaskRecord> = yield* Reading.tasks(target.run, { step: target.step })
  return tasks.length > 0 ? tasks : [yield* Reading.task(target.run, target.step)] // fails with the names that exist
})

/**
 * Says that a run called others, which a verb does not look into, where the target is a whole run.
 *
 * @param what What these runs have of their own: `logs`.
 */
export const sayCalled = Effect.fnUntraced(function* (cli: Cli.Cli, target: Target, what: string) {
  if (target.step !== undefined) return
  const [called] = yield* (yield* RunStore).runs({ parent: target.run.id, limit: 1 })
  if (called === undefined) return
  const command = `${cli.invocation} show ${target.run.id}`
  Cli.say(
    cli,
    `The run called other runs, such as ${called.id} of flow "${called.flow}". They have ${what} of their own; ${command} lists them.`
  )
})

/** Resolves `RUN/STEP[/ID]/ARTIFACT` to a task and the output with that name, or else the input. */
export const artifact = Effect.fnUntraced(function* (chosen: Cli.Chosen, text: string) {
  const [name = "", step = "", third = "", fourth, ...more] = text.split("/")
  if ([name, step, third, fourth].includes("") || more.length > 0) {
    return yield* usage(
      `"${text}" is not the name of an artifact. Write RUN/STEP/ARTIFACT or RUN/STEP/ID/ARTIFACT, for example latest/train/model.`
    )
  }
  const record = yield* run(chosen, name)
  const task = yield* Reading.task(record, fourth === undefined ? step : `${step}/${third}`)
  const wanted = fourth ?? third
  const ref = [...task.outputs, ...task.inputs].find((record) => record.name === wanted)
  if (ref !== undefined) return { task, ref }
  const names = [...new Set([...task.outputs, ...task.inputs].map((record) => record.name))]
  const has = names.length === 0 ? "It has no artifacts." : `It has: ${names.slice(0, 30).join(", ")}.`
  const message =
    task.status === "succeeded" || names.includes(wanted)
      ? `Task ${task.run}/${task.id} has no artifact "${wanted}". ${has}`
      : `Task ${task.run}/${task.id} has no artifact "${wanted}": it is ${task.status}. ${has}`
  return yield* new Cli.Exit({ code: Cli.exitCodes.failed, message })
})
