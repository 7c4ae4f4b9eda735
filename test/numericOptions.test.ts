/** Numeric options: a number out of range is refused with a sentence that names the option and the number. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { Artifact, CurrentTask, Executor, Flow, Gc, Run, Step, Storage, Worker } from "effect-flow"
import * as Duckdb from "effect-flow/duckdb"
import { FlowError } from "effect-flow/FlowError"
import * as Testing from "effect-flow/testing"

const idle = Step.make("idle", { run: () => Effect.succeed({}) })

/** Something that takes the option: it throws, or is an effect that dies. */
interface Option {
  readonly name: string
  readonly use: (given: number) => unknown
  /** Whether a fraction is fine. */
  readonly isFraction?: boolean
  /** Whether it is a duration, which may be a fraction of a millisecond, or without end. */
  readonly isDuration?: boolean
  readonly least: number
  readonly most?: number
}

const options: ReadonlyArray<Option> = [
  { name: "`limit` of Run.list", least: 0, use: (limit) => Run.list({ limit }) },
  { name: "`since` of Run.list", least: -Infinity, isFraction: true, use: (since) => Run.list({ since }) },
  { name: "`until` of Run.list", least: -Infinity, isFraction: true, use: (until) => Run.list({ until }) },
  { name: "`limit` of Run.logs", least: 0, use: (limit) => Run.logs("latest", { limit }) },
  { name: "`after` of Run.logs", least: 0, use: (after) => Run.logs("latest", { after }) },
  { name: "`attempt` of Run.logs", least: 1, use: (attempt) => Run.logs("latest", { attempt }) },
  { name: "`keepRuns` of Gc.collect", least: 0, use: (keepRuns) => Gc.collect({ keepRuns }) },
  { name: "`keepDays` of Gc.collect", least: 0, isFraction: true, use: (keepDays) => Gc.collect({ keepDays }) },
  {
    name: "`rowsPerPart` of Artifact.dataset",
    least: 1,
    use: (rowsPerPart) => Artifact.dataset({ n: Schema.Int }, { rowsPerPart })
  },
  { name: "`grace` of Gc.collect", least: 0, isDuration: true, use: (grace) => Gc.collect({ grace }) },
  { name: "`valueBytes` of Storage.layerLocal", least: 0, use: (valueBytes) => Storage.layerLocal({ valueBytes }) },
  {
    name: "`valueBytes` of Storage.layerPostgres",
    least: 0,
    use: (valueBytes) => Storage.layerPostgres({ url: "postgres://host/database", blobs: "blobs", valueBytes })
  },
  {
    name: "`valueBytes` of Storage.layerS3",
    least: 0,
    use: (valueBytes) => Storage.layerS3({ bucket: "bucket", runs: "runs", valueBytes })
  },
  {
    name: "`cacheBytes` of Storage.layerS3",
    least: 0,
    use: (cacheBytes) => Storage.layerS3({ bucket: "bucket", runs: "runs", cacheBytes })
  },
  {
    name: "`waitForWorker` of Executor.layerCluster",
    least: 0,
    isDuration: true,
    use: (waitForWorker) => Executor.layerCluster({ waitForWorker })
  },
  {
    name: "`lockExpiration` of Executor.layerCluster",
    least: 0.001,
    isDuration: true,
    use: (lockExpiration) => Executor.layerCluster({ lockExpiration })
  },
  {
    name: "`threadIdle` of Worker.run",
    least: 0,
    isDuration: true,
    use: (threadIdle) => Worker.run({ module: "x.ts", threadIdle })
  },
  { name: "`drain` of Worker.run", least: 0, isDuration: true, use: (drain) => Worker.run({ module: "x.ts", drain }) },
  {
    name: "`every` of Flow.supervise",
    least: 0.001,
    isDuration: true,
    use: (every) => Flow.supervise([Flow.make("Idle", { steps: [idle], run: () => idle() })], { every })
  },
  {
    name: '`timeout` of step "limited"',
    least: 0.001,
    isDuration: true,
    use: (timeout) => Step.make("limited", { timeout, run: () => Effect.succeed({}) })
  },
  { name: "`threads` of Duckdb.query", least: 1, use: (threads) => Duckdb.query("SELECT 1", {}, { threads }) },
  {
    name: "`concurrency` of Executor.layerFibers",
    least: 1,
    use: (concurrency) => Executor.layerFibers({ concurrency })
  },
  { name: "`size` of Executor.layerThreads", least: 1, use: (size) => Executor.layerThreads({ module: "x.ts", size }) },
  { name: "`size` of Worker.run", least: 1, use: (size) => Worker.run({ module: "x.ts", size }) },
  {
    name: "`heapMegabytes` of Worker.run",
    least: 1,
    use: (heapMegabytes) => Worker.run({ module: "x.ts", heapMegabytes })
  },
  { name: "`port` of Worker.run", least: 0, most: 65_535, use: (port) => Worker.run({ module: "x.ts", port }) },
  {
    name: "`healthPort` of Worker.run",
    least: 0,
    most: 65_535,
    use: (healthPort) => Worker.run({ module: "x.ts", healthPort })
  },
  {
    name: "`maxResumes` of Flow.resumeCrashed",
    least: 1,
    use: (maxResumes) => Flow.resumeCrashed([Flow.make("Idle", { steps: [idle], run: () => idle() })], { maxResumes })
  },
  {
    name: '`retry.times` of step "retried"',
    least: 0,
    use: (times) => Step.make("retried", { retry: { times }, run: () => Effect.succeed({}) })
  },
  { name: "`attempt` of runStep", least: 1, use: (attempt) => Testing.runStep(idle, {}, { attempt }) }
]

/** What an option says to a number; nothing where it takes it. */
const refusalOf = ({ use }: Option, given: number): Effect.Effect<string | undefined> =>
  Effect.gen(function* () {
    const exit = yield* Effect.exit(
      Effect.suspend(() => {
        const used = use(given)
        return Effect.isEffect(used) ? used : Effect.void
      }) as Effect.Effect<unknown, unknown, never>
    )
    if (Exit.isSuccess(exit)) return undefined
    const defect = exit.cause.reasons.find(Cause.isDieReason)?.defect
    return defect instanceof FlowError && defect.reason === "number" ? defect.message : undefined
  }).pipe(Effect.provide(Storage.layerMemory), Effect.scoped) as Effect.Effect<string | undefined> // the options' services are given or never asked for

/** Numbers that an option must refuse. */
const refused = ({ isDuration = false, isFraction = isDuration, least, most }: Option): ReadonlyArray<number> => [
  ...[Number.NaN, Number.NEGATIVE_INFINITY],
  ...(isDuration ? [] : [Number.POSITIVE_INFINITY]),
  ...(Number.isFinite(least) ? [least - 1, least - 0.001, least - 1e9, -Number.MAX_VALUE] : []),
  ...(isFraction ? [] : [least + 0.5, 1e-9 + 1, Math.PI, 2 ** 53, Number.MAX_VALUE]),
  ...(most === undefined ? [] : [most + 1, most + 0.5, 1e9])
]

describe("a numeric option", () => {
  for (const option of options) {
    it.effect(`refuses numbers out of range: ${option.name}`, () =>
      Effect.gen(function* () {
        for (const given of refused(option)) {
          const message = yield* refusalOf(option, given)
          assert.isDefined(message, `${option.name} takes ${given}`)
          assert.isTrue(message?.startsWith(`${option.name} must be `), message)
          assert.isTrue(message?.endsWith(`, but it is ${given}.`), message)
        }
      })
    )
  }

  it.effect("is taken at its limits", () =>
    Effect.gen(function* () {
      const taken = options.filter(({ name }) => /Run\.list|Gc\.collect|Storage|Fibers|times/.test(name))
      for (const option of taken)
        for (const given of [option.least, option.least + 1].filter(Number.isFinite))
          assert.isUndefined(yield* refusalOf(option, given), `${option.name} refuses ${given}`)
    })
  )

  it.effect("of a metric is a number that every store can hold", () =>
    Effect.gen(function* () {
      const measuring = Step.make("measuring", {
        input: { step: Schema.Number },
        run: Effect.fnUntraced(function* ({ step }) {
          yield* (yield* CurrentTask).metric("loss", 1, step)
          return {}
        })
      })
      const exit = yield* Effect.exit(Testing.runStep(measuring, { step: Number.NaN }))
      assert.include(String(Exit.isFailure(exit) && Cause.pretty(exit.cause)), 'the step of "loss" must be a number')
    })
  )
})
