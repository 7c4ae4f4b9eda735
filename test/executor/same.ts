/** What is recorded of a run of each body of `sameFlows.ts`, so that two executors can be compared. */
import { inspect } from "node:util"
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Flow from "../../src/Flow.ts"
import { fromError } from "../../src/internal/run/errorRecord.ts"
import * as Run from "../../src/Run.ts"
import { RunStore } from "../../src/RunStore.ts"
import { Held, names, Same, Typed } from "./sameFlows.ts"

/** The module of the flow, for workers to import. */
export const module = new URL("./sameFlows.ts", import.meta.url)

/** A stack's place in the test's file counts, and its path through the library does not. */
const withoutPaths = (key: string, value: unknown): unknown =>
  key === "stack" && typeof value === "string"
    ? [value.split("\n")[0], value.includes("sameFlows.ts")]
    : Object.is(value, -0)
      ? "-0"
      : value

/** What a program that ran the flow is given of a failure. */
const reasonOf = (reason: Cause.Reason<unknown>): ReadonlyArray<unknown> => {
  if (Cause.isInterruptReason(reason)) return [reason._tag]
  const error = Cause.isFailReason(reason) ? reason.error : reason.defect
  const fields = Cause.isFailReason(reason) && isOurs(error) ? Object.entries(error) : []
  return [reason._tag, inspect(fields.filter(([name]) => name !== "cause")), fromError(error)]
}

const isOurs = Schema.is(Schema.Union([Typed, Held]))

/** All that is recorded of a run of the body, but for ids and times. */
const recorded = Effect.fnUntraced(function* (how: string) {
  const exit = yield* Effect.exit(
    Flow.run(Same, { how }).pipe(
      Random.withSeed("seed"),
      Effect.provideService(References.CurrentLogLevel, "Warn"),
      Effect.annotateLogs({ at: new Date(0), two: "two words", map: new Map([["a", 1]]), of: class Mine {} }),
      Effect.withLogSpan("no time")
    )
  )
  const run = yield* Run.get("latest")
  const store = yield* RunStore
  const tasks = yield* Run.tasks(run)
  const record = {
    arrived: Exit.isFailure(exit) ? exit.cause.reasons.map(reasonOf) : [],
    run: [run.status, run.error, run.tags],
    tasks: tasks.map(({ attempts, error, id, outputs, status }) => ({
      id,
      status,
      error,
      outputs: outputs.map(({ digest, name }) => [name, digest]),
      attempts: attempts.map(({ error, number, status }) => ({ number, status, error }))
    })),
    lines: (yield* Run.logs(run)).map(({ attempt, level, message, task }) => [task, attempt, level, message]),
    points: (yield* Run.metrics(run)).map(({ name, step, task, value }) => [task, name, step, value]),
    cards: (yield* store.cards({ run: run.id })).map(({ attempt, size, task }) => [task, attempt, size])
  }
  const text = JSON.stringify(record, withoutPaths, 1)
    .replaceAll(run.id, "RUN")
    .replaceAll(/no_time=\d+ms/g, "no_time")
  assert.notInclude(text, "open-sesame", how)
  return text
})

/** The records of all bodies on an executor. */
export const records = (executor: Layer.Layer<never>) => Effect.forEach(names, recorded).pipe(Effect.provide(executor))

/** Passes where each record is as on fibers. */
export const equal = (records: ReadonlyArray<string>, onFibers: ReadonlyArray<string>): void => {
  for (const [i, how] of names.entries()) assert.strictEqual(records[i], onFibers[i], how)
}
