/** Trainings that are stopped anywhere continue from their last epoch, and end bit for bit as one that nobody stopped. */
import { assert, describe, it } from "@effect/vitest"
import type { Optimizer } from "@tensorflow/tfjs-core"
import type { LayersModel } from "@tensorflow/tfjs-layers"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { Flow, Run, Step, Storage } from "effect-flow"
import { Nbow, Tensorflow } from "effect-flow/nbow"
import { generate } from "../../examples/data/reviews.ts"
import * as Training from "../campaign/training.ts"

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
  const byTime: Nbow.FitOptions = options
  const byEpoch: Nbow.FitOptions = { ...options, checkpointEvery: 1 }
  const trained = (more: Nbow.FitOptions = {}, base = byEpoch) =>
    Nbow.fit({ texts: columns.review, labels: columns.labels }, { ...base, ...more })

  const plain = ({ epoch, history, weights }: Nbow.Model) => ({
    epoch,
    history,
    weights: Object.values(weights).map((values: Float32Array) => Array.from(values))
  })

  const flowOf = (turnsOf: (attempt: number) => number, more: Nbow.FitOptions = {}, base = byEpoch) => {
    let attempts = 0
    const train = Step.make("train", {
      output: { model: Nbow.Model },
      error: Schema.Union([Stopped, Nbow.FitError]),
      retry: { times: 30 },
      run: () => Effect.map(stopAfter(trained(more, base), turnsOf(++attempts)), (model) => ({ model }))
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

  it.effect("saves once a second at most where no epochs are counted", () => {
    const { layer, lines } = listening()
    return Effect.gen(function* () {
      const turns = (attempt: number) => (attempt < 4 ? 12 : 1e6)
      const still = yield* Flow.run(flowOf(turns, {}, byTime), {})
      assert.isFalse(lines.some((line) => /checkpoint/.test(line)))
      // A clock on which every look takes 600 ms.
      const clock = yield* Clock.Clock
      let now = 0n
      const slow = Object.create(clock, {
        monotonicTimeNanos: { value: Effect.sync(() => (now += 600_000_000n)) }
      }) as typeof clock // with one method replaced
      const { output } = yield* Effect.provideService(Flow.run(flowOf(turns, {}, byTime), {}), Clock.Clock, slow)
      const epochs = lines.flatMap((line) => /continues after epoch (\d)\/6 from its checkpoint/.exec(line)?.[1] ?? [])
      assert.isAbove(epochs.length, 0)
      assert.isTrue(epochs.every((epoch) => Number(epoch) % 2 === 0)) // every second epoch is a second later
      assert.deepStrictEqual(output, still.output)
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

describe("Tensorflow.fit", () => {
  const rows = 40

  /** Trainings whose state is more than weights. */
  const trainings: Readonly<
    Record<
      string,
      { readonly optimizer: (tf: Tensorflow.Tf) => Optimizer; readonly make?: (tf: Tensorflow.Tf) => LayersModel }
    >
  > = {
    adam: { optimizer: (tf) => tf.train.adam(0.01) },
    adamax: { optimizer: (tf) => tf.train.adamax(0.01) },
    "rmsprop, centered": { optimizer: (tf) => tf.train.rmsprop(0.01, 0.9, 0.1, 1e-7, true) },
    momentum: { optimizer: (tf) => tf.train.momentum(0.01, 0.9) },
    adagrad: { optimizer: (tf) => tf.train.adagrad(0.05) },
    adadelta: { optimizer: (tf) => tf.train.adadelta(0.5) },
    sgd: { optimizer: (tf) => tf.train.sgd(0.1) },
    "an LSTM with batch normalization": {
      optimizer: (tf) => tf.train.adam(0.02),
      make: (tf) => {
        const init = (seed: number) => tf.initializers.glorotUniform({ seed })
        return tf.sequential({
          layers: [
            tf.layers.reshape({ targetShape: [2, 2], inputShape: [4] }),
            tf.layers.lstm({ units: 3, kernelInitializer: init(1), recurrentInitializer: init(2) }),
            tf.layers.batchNormalization(),
            tf.layers.dense({ units: 1, activation: "sigmoid", kernelInitializer: init(3) })
          ]
        })
      }
    }
  }

  const dense = (tf: Tensorflow.Tf) => {
    const init = (seed: number) => tf.initializers.glorotUniform({ seed })
    return tf.sequential({
      layers: [
        tf.layers.dense({ units: 5, inputShape: [4], activation: "tanh", kernelInitializer: init(1) }),
        tf.layers.dense({ units: 1, activation: "sigmoid", kernelInitializer: init(2) })
      ]
    })
  }

  const train = (name: string) =>
    Effect.gen(function* () {
      const { make = dense, optimizer } = trainings[name] as (typeof trainings)[string] // a name of the list
      const tf = yield* Tensorflow.tf
      const { model } = yield* Effect.acquireRelease(
        Effect.sync(() => {
          const made = optimizer(tf)
          const model = make(tf)
          model.compile({ optimizer: made, loss: "binaryCrossentropy", metrics: ["accuracy"] })
          return { made, model }
        }),
        ({ made, model }) =>
          Effect.sync(() => {
            model.dispose()
            made.dispose()
          })
      )
      const { xs, ys } = yield* Tensorflow.tensors((tf) => {
        const xs = tf.randomUniform([rows, 4], -1, 1, "float32", 5)
        return { xs, ys: tf.cast(tf.greater(tf.sum(xs, 1, true), 0), "float32") }
      })
      // A schedule of the caller's own, and early stopping with a state of its own.
      const schedule = {
        onEpochEnd: (epoch: number) => {
          if (name === "sgd") (model.optimizer as ReturnType<typeof tf.train.sgd>).setLearningRate(0.1 / (epoch + 2))
        }
      }
      const stopping = tf.callbacks.earlyStopping({ monitor: "val_loss", patience: 2, minDelta: 0.004 })
      const history = yield* Tensorflow.fit(model, {
        xs,
        ys,
        epochs: 7,
        batchSize: 8,
        validationSplit: 0.2,
        callbacks: [schedule, stopping],
        checkpointEvery: 1
      })
      return { history, weights: model.getWeights().map((weight) => Array.from(weight.dataSync())) }
    }).pipe(Effect.scoped)

  for (const name of Object.keys(trainings)) {
    it.effect(`ends with the same model wherever it is stopped: ${name}`, () => {
      const { layer, lines } = listening()
      let attempts = 0
      const step = Step.make("train", {
        output: { result: Schema.String },
        error: Schema.Union([Stopped, Tensorflow.OptionsError, Tensorflow.TrainingError, Tensorflow.TensorflowError]),
        retry: { times: 30 },
        run: () =>
          Effect.map(stopAfter(train(name), 6 + ((++attempts * 5) % 14)), (result) => ({
            result: JSON.stringify(result)
          }))
      })
      const flow = Flow.make("TrainingFlow", {
        steps: [step],
        run: Effect.fnUntraced(function* () {
          return yield* (yield* step()).result
        })
      })
      return Effect.gen(function* () {
        const tf = yield* Tensorflow.tf
        const undisturbed = yield* train(name)
        const before = tf.memory().numTensors
        const { output } = yield* Flow.run(flow, {})
        assert.deepStrictEqual(JSON.parse(output), undisturbed)
        assert.isTrue(lines.some((line) => /continues after epoch \d\/7 from its checkpoint/.test(line)))
        assert.strictEqual(tf.memory().numTensors, before)
      }).pipe(Effect.provide([Storage.layerMemory, Tensorflow.layerCpu, layer]))
    })
  }
})

describe("a process that trains", () => {
  // The long form kills twenty times, on fibers as well: `npx tsx test/campaign/training.ts`.
  it.live("may be killed, and a resume ends with the same bits", () =>
    Effect.gen(function* () {
      const { problems, tally } = yield* Training.campaign(1, "threads", 5, () => 0.4)
      assert.deepStrictEqual(problems, [])
      assert.strictEqual(tally.kills, 1)
    })
  )
})
