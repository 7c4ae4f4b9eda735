/** Trainings that are stopped anywhere continue from their last epoch, and end bit for bit as one that nobody stopped. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { Flow, Run, Step, Storage } from "effect-flow"
import { Nbow, Tensorflow } from "effect-flow/nbow"
import { generate } from "../../examples/data/reviews.ts"

class Stopped extends Schema.TaggedError<Stopped>()("Stopped", { turn: Schema.Int }) {}

/** Runs a training for so many turns of the scheduler, and then stops it. */
const stopAfter = <A, E, R>(training: Effect.Effect<A, E, R>, turns: number): Effect.Effect<A, E | Stopped, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(training)
    for (let turn = 0; turn < turns; turn++) {
      yield* Effect.yieldNow
      if (fiber.pollUnsafe() !== undefined) return yield* Fiber.join(fiber)
    }
    yield* Fiber.interrupt(fiber)
    return yield* new Stopped({ turn: turns })
  })

/** The lines that were logged, and a layer that keeps them. */
const listening = () => {
  const lines: Array<string> = []
  return { lines, layer: Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))]) }
}

describe("Nbow.fit", () => {
  const { columns } = generate(300, 3)
  const options: Nbow.FitOptions = {
    vocabularySize: 60,
    batchSize: 1,
    epochs: 6,
    learningRate: 0.02,
    earlyStopping: { patience: 2 },
    restoreBest: true
  }
  const trained = (more: Nbow.FitOptions = {}) =>
    Nbow.fit({ texts: columns.review, labels: columns.labels }, { ...options, ...more })

  const plain = ({ epoch, history, weights }: Nbow.Model) => ({
    epoch,
    history,
    weights: Object.values(weights).map((values: Float32Array) => Array.from(values))
  })

  const flowOf = (turnsOf: (attempt: number) => number, more: Nbow.FitOptions = {}) => {
    let attempts = 0
    const train = Step.make("train", {
      output: { model: Nbow.Model },
      error: Schema.Union([Stopped, Nbow.FitError]),
      retry: { times: 30 },
      run: () => Effect.map(stopAfter(trained(more), turnsOf(++attempts)), (model) => ({ model }))
    })
    return Flow.make("TrainingFlow", {
      steps: [train],
      run: Effect.fnUntraced(function* () {
        const { model } = yield* train()
        return plain(yield* model)
      })
    })
  }

  it.effect("ends with the same model wherever it is stopped", () => {
    const { layer, lines } = listening()
    return Effect.gen(function* () {
      const undisturbed = yield* trained()
      for (let seed = 0; seed < 6; seed++) {
        const { id, output } = yield* Flow.run(
          flowOf((attempt) => 6 + ((seed * 5 + attempt * 7) % 8)),
          {}
        )
        assert.deepStrictEqual(output, plain(undisturbed))
        // Each epoch was trained once.
        const losses = (yield* Run.metrics(yield* Run.get(id))).filter(({ name }) => name === "loss")
        assert.deepStrictEqual(
          [...new Map(losses.map(({ step, value }) => [step, value])).values()],
          undisturbed.history.map(({ loss }) => loss)
        )
      }
      assert.isAbove(lines.filter((line) => /continues after epoch \d\/6 from its checkpoint/.test(line)).length, 6)
    }).pipe(Effect.provide([Storage.layerMemory, Tensorflow.layerCpu, layer]))
  })

  it.effect("saves every so many epochs, or never, and refuses other numbers", () => {
    const { layer, lines } = listening()
    return Effect.gen(function* () {
      const turns = (attempt: number) => (attempt < 3 ? 10 : 1e6)
      yield* Flow.run(flowOf(turns, { checkpointEvery: 0 }), {})
      assert.isFalse(lines.some((line) => /checkpoint/.test(line)))
      const error = yield* Effect.flip(trained({ checkpointEvery: 0.5 }))
      assert.strictEqual(
        error.message,
        "Nbow.fit: option checkpointEvery: expected a whole number of at least 0, got 0.5"
      )
    }).pipe(Effect.provide([Storage.layerMemory, Tensorflow.layerCpu, layer]))
  })
})
