/**
 * Twenty trainings on the tutorial's data, each from a seed of its own, beside what the reference reached over 114 seeds
 * (`target-distribution.json`): the mean of each figure is to lie within one standard deviation of the reference's mean.
 * `npx tsx test/campaign/nbow-seeds.ts` runs it; it takes some fifteen seconds, and exits with 1 where a mean lies outside.
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { Nbow, Tensorflow } from "../../src/nbow/index.ts"
import { fixture, reviews } from "../nbow/fixtures.ts"
import { hasData } from "../support/data.ts"

const seeds = Array.from({ length: 20 }, (_, i) => i + 1)

interface Distribution {
  readonly mean: number
  readonly sd: number
}

type Figure = "testAccuracy" | "testRocAuc" | "trainLoss" | "trainAccuracy" | "valLoss" | "valAccuracy"

const reference = fixture<{ readonly [F in Figure]: Distribution }>("target-distribution")

const figuresOf = Effect.fnUntraced(function* (train: Nbow.Labelled, valid: Nbow.Labelled, seed: number) {
  const model = yield* Nbow.fit(train, { seed })
  const { accuracy, rocAuc } = yield* Nbow.evaluate(model, valid)
  const last = model.history[model.history.length - 1]
  return {
    testAccuracy: accuracy,
    testRocAuc: rocAuc,
    trainLoss: last?.loss ?? Number.NaN,
    trainAccuracy: last?.accuracy ?? Number.NaN,
    valLoss: last?.valLoss ?? Number.NaN,
    valAccuracy: last?.valAccuracy ?? Number.NaN
  } satisfies { readonly [F in Figure]: number }
})

const program = Effect.gen(function* () {
  const train = yield* reviews("train")
  const valid = yield* reviews("valid")
  const runs = yield* Effect.forEach(seeds, (seed) => figuresOf(train, valid, seed))
  let isWithin = true
  for (const figure of Object.keys(runs[0] ?? {}) as ReadonlyArray<Figure>) {
    const values = runs.map((run) => run[figure])
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const sd = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1))
    const target = reference[figure]
    const distance = (mean - target.mean) / target.sd
    if (Math.abs(distance) > 1) isWithin = false
    console.log(
      `${figure.padEnd(14)} ${mean.toFixed(4)} ± ${sd.toFixed(4)}, from ${Math.min(...values).toFixed(4)} to ${Math.max(...values).toFixed(4)}; reference ${target.mean.toFixed(4)} ± ${target.sd.toFixed(4)}: ${distance.toFixed(2)} sd away`
    )
  }
  return isWithin
})

if (hasData) {
  const isWithin = await Effect.runPromise(program.pipe(Effect.provide([Tensorflow.layer, Logger.layer([])])))
  console.log(isWithin ? "All means lie within one standard deviation." : "A mean lies outside.")
  process.exitCode = isWithin ? 0 : 1
}
