/** A flow that trains models in one step and scores with them in the next one, for the executors. */
import type { LayersModel } from "@tensorflow/tfjs-layers"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { Flow, Step } from "effect-flow"
import { Tensorflow } from "effect-flow/nbow"
import { type Architecture, architectures } from "./architectures.ts"

const Scores = Schema.Array(Schema.Array(Schema.Number))

const named = (name: string): Architecture => {
  const found = architectures.find((architecture) => architecture.name === name)
  if (found === undefined) throw new Error(`there is no architecture ${name}`)
  return found
}

const predict = (tf: Tensorflow.Tf, model: LayersModel, { xs }: Architecture): Array<Array<number>> => {
  const inputs = xs(tf)
  const outputs = [model.predict(inputs)].flat()
  const scores = outputs.map((output) => Array.from(output.dataSync()))
  tf.dispose([outputs, inputs])
  return scores
}

const train = Step.make("train", {
  input: { name: Schema.String },
  output: { model: Tensorflow.Model, expected: Scores },
  run: Effect.fnUntraced(function* ({ name }) {
    const architecture = named(name)
    const tf = yield* Tensorflow.tf
    const model = yield* Tensorflow.model(architecture.make)
    model.compile({ optimizer: "adam", loss: architecture.loss ?? "binaryCrossentropy" })
    const { xs, ys } = yield* Tensorflow.tensors((tf) => ({ xs: architecture.xs(tf), ys: architecture.ys(tf) }))
    yield* Tensorflow.fit(model, { xs, ys, epochs: 2, batchSize: 5 })
    return { model, expected: predict(tf, model, architecture) }
  }, Effect.scoped)
})

const score = Step.make("score", {
  input: { name: Schema.String, model: Tensorflow.Model },
  output: { scores: Scores },
  run: Effect.fnUntraced(function* ({ model, name }) {
    return { scores: predict(yield* Tensorflow.tf, model, named(name)) }
  })
})

/** A training that fails, and one that is interrupted. */
const stopped = Step.make("stopped", {
  input: { name: Schema.String },
  output: { message: Schema.String },
  run: Effect.fnUntraced(function* ({ name }) {
    const architecture = named(name)
    const model = yield* Tensorflow.model(architecture.make)
    model.compile({ optimizer: "adam", loss: architecture.loss ?? "binaryCrossentropy" })
    const { xs, ys } = yield* Tensorflow.tensors((tf) => ({ xs: architecture.xs(tf), ys: architecture.ys(tf) }))
    const callbacks = {
      onBatchEnd: (batch: number) => {
        if (batch === 1) throw new Error("enough")
      }
    }
    const { message } = yield* Effect.flip(Tensorflow.fit(model, { xs, ys, batchSize: 5, callbacks }))
    const training = yield* Effect.forkChild(Tensorflow.fit(model, { xs, ys, epochs: 1e6, batchSize: 5 }))
    for (let turn = 0; turn < 20; turn++) yield* Effect.yieldNow
    yield* Fiber.interrupt(training)
    return { message }
  }, Effect.scoped)
})

/** How many tensors there are in the process or thread. */
const count = Step.make("count", {
  input: { at: Schema.String },
  output: { tensors: Schema.Int },
  run: () => Effect.map(Tensorflow.tf, (tf) => ({ tensors: tf.memory().numTensors }))
})

export const ArchitecturesFlow = Flow.provide(
  Flow.make("ArchitecturesFlow", {
    parameters: {},
    steps: [train, score, stopped, count],
    run: Effect.fnUntraced(function* () {
      const results: Array<readonly [name: string, expected: typeof Scores.Type, scores: typeof Scores.Type]> = []
      const messages = new Set<string>()
      const before = yield* count({ at: "the beginning" })
      for (const { name } of architectures) {
        const { expected, model } = yield* train({ name })
        const { scores } = yield* score({ name, model })
        results.push([name, yield* expected, yield* scores])
        const { message } = yield* stopped({ name })
        messages.add(yield* message)
      }
      const after = yield* count({ at: "the end" })
      return { results, messages: [...messages], tensors: [yield* before.tensors, yield* after.tensors] }
    })
  }),
  Tensorflow.layer
)
