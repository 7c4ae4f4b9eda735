/** A flow that trains the NBOW model and a model of Keras's layers, for the campaign that kills it. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { generate } from "../../examples/data/reviews.ts"
import { Flow, FlowCli, Step } from "../../src/index.ts"
import { Nbow, Tensorflow } from "../../src/nbow/index.ts"

const { columns } = generate(300, 3)

const nbow = Step.make("nbow", {
  input: { epochs: Schema.Int },
  output: { model: Nbow.Model },
  run: ({ epochs }) =>
    Effect.map(
      Nbow.fit(
        { texts: columns.review, labels: columns.labels },
        { vocabularySize: 60, epochs, batchSize: 2, restoreBest: true, checkpointEvery: 1 }
      ),
      (model) => ({ model })
    )
})

const keras = Step.make("keras", {
  input: { epochs: Schema.Int },
  output: { model: Tensorflow.Model, history: Schema.Record(Schema.String, Schema.Array(Schema.Number)) },
  run: Effect.fnUntraced(function* ({ epochs }) {
    const tf = yield* Tensorflow.tf
    const init = (seed: number) => tf.initializers.glorotUniform({ seed })
    const model = tf.sequential({
      name: "campaign",
      layers: [
        tf.layers.reshape({ name: "steps", targetShape: [4, 2], inputShape: [8] }),
        tf.layers.gru({ name: "gru", units: 4, kernelInitializer: init(1), recurrentInitializer: init(2) }),
        tf.layers.batchNormalization({ name: "norm" }),
        tf.layers.dense({ name: "output", units: 1, activation: "sigmoid", kernelInitializer: init(3) })
      ]
    })
    model.compile({ optimizer: tf.train.adam(0.01), loss: "binaryCrossentropy" })
    const { xs, ys } = yield* Tensorflow.tensors((tf) => {
      const xs = tf.randomUniform([48, 8], -1, 1, "float32", 5)
      return { xs, ys: tf.cast(tf.greater(tf.sum(xs, 1, true), 0), "float32") }
    })
    const history = yield* Tensorflow.fit(model, {
      xs,
      ys,
      epochs,
      batchSize: 8,
      validationSplit: 0.25,
      checkpointEvery: 1
    })
    return { model, history }
  }, Effect.scoped)
})

export const TrainingFlow = Flow.provide(
  Flow.make("TrainingFlow", {
    parameters: { epochs: Flow.parameter(Schema.Int, { default: 12 }) },
    steps: [nbow, keras],
    run: Effect.fnUntraced(function* ({ epochs }) {
      const first = yield* nbow({ epochs })
      const second = yield* keras({ epochs })
      return { nbow: first.model, keras: second.model, history: second.history }
    })
  }),
  Tensorflow.layerCpu
)

FlowCli.main(TrainingFlow)
