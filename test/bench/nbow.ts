/**
 * What training and scoring cost, on the tutorial's reviews where they are, else on as many made ones: TensorFlow.js's own
 * `fit` on dense rows, a plain loop over typed arrays and sparse rows, `Nbow.fit`, vectorizing and scoring, at the data's
 * size and at ten times it. Each is measured in a process of its own, whose peak of memory is printed beside the time.
 * It prints figures and never fails. `npx tsx test/bench/nbow.ts` runs it alone.
 */
import { execFileSync } from "node:child_process"
import { pathToFileURL } from "node:url"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import { CountVectorizer, Nbow, type SparseMatrix, Tensorflow } from "effect-flow/nbow"
import { generate } from "../../examples/data/reviews.ts"
import * as Layers from "../../src/nbow/internal/layers.ts"
import * as NbowOptions from "../../src/nbow/internal/nbowOptions.ts"
import { Random } from "../../src/nbow/internal/random.ts"
import { train, trainedRows } from "../../src/nbow/internal/train.ts"
import { reviews } from "../nbow/fixtures.ts"
import { hasData } from "../support/data.ts"

/** What a measurement gives: milliseconds of each round, the first one cold, or figures of its own. */
interface Measured {
  readonly rounds: ReadonlyArray<number>
  readonly peakMegabytes: number
  readonly note?: string
}

const options = await Effect.runPromise(NbowOptions.make({}))

/** The reviews, `times` over; every text is a string of its own. */
const load = async (times: number): Promise<Nbow.Labelled> => {
  const { labels, texts } = hasData
    ? await Effect.runPromise(reviews("train"))
    : { texts: generate(20_377, 1).columns.review, labels: generate(20_377, 1).columns.labels }
  const all = Array.from({ length: times }, () => texts.map((text) => Buffer.from(text).toString()))
  return { texts: all.flat(), labels: all.flatMap(() => Array.from(labels)) }
}

const vectorize = (texts: ReadonlyArray<string>, more: CountVectorizer.OptionsInput = {}) =>
  Effect.runPromise(CountVectorizer.fitTransform(texts, { ...NbowOptions.vectorizerOptions(options), ...more }))

const inTensorflow = <A, E>(effect: Effect.Effect<A, E, Tensorflow.Tensorflow>): Promise<A> =>
  Effect.runPromise(effect.pipe(Effect.provide([Tensorflow.layerWasm, Logger.layer([])])))

const time = async (rounds: number, run: () => unknown): Promise<ReadonlyArray<number>> => {
  const times: Array<number> = []
  for (let i = 0; i < rounds; i++) {
    const start = performance.now()
    await run()
    times.push(performance.now() - start)
  }
  return times
}

/** How training would be written without a library: the model's formulas, over sparse rows, in one place. */
const plainLoop = (matrix: SparseMatrix.SparseMatrix, labels: ArrayLike<number>): number => {
  const { batchSize, dropout, epochs, hiddenSize: H, l1, l2, learningRate } = options
  const { columnIndices, columns, rowPointers, values } = matrix
  const random = new Random(1)
  const uniform = (length: number, limit: number) =>
    Float32Array.from({ length }, () => (random.uint32() / 2 ** 31 - 1) * limit)
  const W1 = uniform(columns * H, Math.sqrt(6 / (columns + H)))
  const W2 = uniform(H, Math.sqrt(6 / (H + 1)))
  const b1 = new Float32Array(H)
  const b2 = new Float32Array(1)
  const variables = [W1, b1, W2, b2].map((w) => ({
    w,
    g: new Float32Array(w.length),
    m: new Float32Array(w.length),
    v: new Float32Array(w.length),
    l1: w === W1 ? l1 : 0,
    l2: w === W1 ? l2 : 0
  }))
  const [gW1, gb1, gW2, gb2] = variables.map(({ g }) => g) as [Float32Array, Float32Array, Float32Array, Float32Array] // there are four
  const order = Int32Array.from({ length: trainedRows(matrix.rows, options.validationSplit) }, (_, row) => row)
  const places = new Int32Array(columns)
  const counts = new Float64Array(columns)
  const hidden = new Float64Array(H)
  const back = new Float64Array(H)
  const dropBelow = dropout * 2 ** 32
  let loss = 0
  for (let epoch = 0, t = 0; epoch < epochs; epoch++) {
    random.shuffle(order)
    loss = 0
    for (let start = 0; start < order.length; start += batchSize) {
      const end = Math.min(start + batchSize, order.length)
      for (let i = start; i < end; i++) {
        const row = order[i] as number // every index below is within its array, as it is written
        let left = 0
        for (let e = rowPointers[row] as number; e < (rowPointers[row + 1] as number); e++) {
          if (random.uint32() < dropBelow) continue
          places[left] = (columnIndices[e] as number) * H
          counts[left++] = (values[e] as number) / (1 - dropout)
        }
        for (let u = 0; u < H; u++) hidden[u] = b1[u] as number
        for (let k = 0; k < left; k++) {
          const at = places[k] as number
          const count = counts[k] as number
          for (let u = 0; u < H; u++) hidden[u] = (hidden[u] as number) + count * (W1[at + u] as number)
        }
        let z = b2[0] as number
        for (let u = 0; u < H; u++) if ((hidden[u] as number) > 0) z += (hidden[u] as number) * (W2[u] as number)
        const p = 1 / (1 + Math.exp(-z))
        const y = labels[row] as number
        const clipped = Math.min(Math.max(p, 1e-7), 1 - 1e-7)
        loss -= Math.log(y === 1 ? clipped : 1 - clipped)
        const d = clipped === p ? (p - y) / (end - start) : 0
        gb2[0] = (gb2[0] as number) + d
        for (let u = 0; u < H; u++) {
          const h = hidden[u] as number
          const q = h > 0 ? d * (W2[u] as number) : 0
          back[u] = q
          if (h > 0) gW2[u] = (gW2[u] as number) + d * h
          gb1[u] = (gb1[u] as number) + q
        }
        for (let k = 0; k < left; k++) {
          const at = places[k] as number
          const count = counts[k] as number
          for (let u = 0; u < H; u++) gW1[at + u] = (gW1[at + u] as number) + count * (back[u] as number)
        }
      }
      t++
      const rate = learningRate / (1 - 0.9 ** t)
      const correction = 1 / Math.sqrt(1 - 0.999 ** t)
      for (const { g, l1, l2, m, v, w } of variables) {
        for (let i = 0; i < w.length; i++) {
          const weight = w[i] as number
          const gradient = (g[i] as number) + l1 * Math.sign(weight) + 2 * l2 * weight
          g[i] = 0
          const first = 0.9 * (m[i] as number) + 0.1 * gradient
          const second = 0.999 * (v[i] as number) + 0.001 * gradient * gradient
          m[i] = first
          v[i] = second
          w[i] = weight - (rate * first) / (Math.sqrt(second) * correction + 1e-7)
        }
      }
    }
  }
  return loss / order.length
}

const stockFit = async (data: Nbow.Labelled): Promise<ReadonlyArray<number>> => {
  const { matrix } = await vectorize(data.texts)
  return inTensorflow(
    Effect.gen(function* () {
      const tf = yield* Tensorflow.tf
      const rows = trainedRows(matrix.rows, options.validationSplit)
      const dense = new Float32Array(rows * matrix.columns)
      for (let row = 0; row < rows; row++) {
        for (let e = matrix.rowPointers[row] ?? 0; e < (matrix.rowPointers[row + 1] ?? 0); e++) {
          dense[row * matrix.columns + (matrix.columnIndices[e] ?? 0)] = matrix.values[e] ?? 0
        }
      }
      const model = Layers.of(tf, matrix.columns, options, Layers.begin(tf, matrix.columns, options))
      model.compile({
        optimizer: tf.train.adam(options.learningRate),
        loss: "binaryCrossentropy",
        metrics: ["accuracy"]
      })
      const xs = tf.tensor2d(dense, [rows, matrix.columns])
      const ys = tf.tensor2d(Float32Array.from(data.labels).subarray(0, rows), [rows, 1])
      return yield* Effect.promise(() =>
        time(1, () => model.fit(xs, ys, { batchSize: options.batchSize, epochs: 1, verbose: 0 }))
      )
    })
  )
}

/** How long an interruption takes, at moments of vectorizing and training. */
const interruptions = (data: Nbow.Labelled) =>
  inTensorflow(
    Effect.gen(function* () {
      const times: Array<number> = []
      yield* Tensorflow.load
      for (let i = 0; i < 10; i++) {
        const begun = yield* Deferred.make<void>()
        const logger = Logger.make(() => Deferred.doneUnsafe(begun, Exit.void))
        const fiber = yield* Effect.forkChild(
          Nbow.fit(data, { epochs: 100 }).pipe(Effect.provide(Logger.layer([logger])))
        )
        yield* i % 2 === 0 ? Effect.sleep(10 * (i + 1)) : Effect.andThen(Deferred.await(begun), Effect.sleep(7 * i))
        const start = performance.now()
        yield* Fiber.interrupt(fiber)
        times.push(performance.now() - start)
      }
      return times
    })
  )

const measurements: { readonly [name: string]: (data: Nbow.Labelled) => Promise<ReadonlyArray<number>> } = {
  nothing: async () => [0],
  stock: stockFit,
  plain: async ({ labels, texts }) => {
    const { matrix } = await vectorize(texts)
    return time(5, () => plainLoop(matrix, labels))
  },
  train: async ({ labels, texts }) => {
    const { matrix } = await vectorize(texts)
    return inTensorflow(
      Effect.gen(function* () {
        const tf = yield* Tensorflow.tf
        const weights = Layers.begin(tf, matrix.columns, options)
        const services = yield* Effect.context<never>()
        return yield* Effect.promise(() =>
          time(5, () => Effect.runPromiseWith(services)(train(tf, { matrix, labels, weights }, options)))
        )
      })
    )
  },
  fit: (data) => time(3, () => inTensorflow(Nbow.fit(data))),
  vectorize: ({ texts }) => time(7, () => vectorize(texts)),
  bigrams: ({ texts }) => time(7, () => vectorize(texts, { ngramRange: [1, 2] })),
  tfidf: ({ texts }) => time(7, () => vectorize(texts, { tfidf: {} })),
  segmenter: ({ texts }) => time(3, () => vectorize(texts, { tokenizer: { locale: "en" } })),
  predict: async (data) => {
    const model = await inTensorflow(Nbow.fit(data, { epochs: 1 }))
    return time(7, () => Effect.runPromise(Nbow.predict(model, data.texts)))
  },
  predictBigrams: async (data) => {
    const model = await inTensorflow(Nbow.fit(data, { epochs: 1, vectorizer: { ngramRange: [1, 2] } }))
    return time(7, () => Effect.runPromise(Nbow.predict(model, data.texts)))
  },
  interrupt: interruptions
}

const measure = async (name: string, times: number): Promise<Measured> => ({
  rounds: (await measurements[name]?.(await load(times))) ?? [],
  peakMegabytes: process.resourceUsage().maxRSS / 1024
})

/** A measurement in a process of its own. */
const apart = (name: string, times: number): Measured => {
  const output = execFileSync(process.execPath, [...process.execArgv, import.meta.filename, name, String(times)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"]
  })
  return JSON.parse(output.slice(output.lastIndexOf("\n{") + 1)) as Measured // what `measure` gave
}

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
const ms = (value: number): string => (value < 10_000 ? `${value.toFixed(0)} ms` : `${(value / 1000).toFixed(1)} s`)

/** Prints the figures. */
export const run = async (): Promise<void> => {
  const { texts } = await load(1)
  console.log(
    `${texts.length} ${hasData ? "reviews of the tutorial" : "made reviews"}; 10 epochs; medians, and the first, cold round`
  )
  for (const times of [1, 10]) {
    console.log(`\n${times}× the data: ${texts.length * times} texts`)
    const print = (what: string, { peakMegabytes, rounds }: Measured, more = "") =>
      console.log(
        `${what.padEnd(40)} ${ms(median(rounds)).padStart(8)} ${`first ${ms(rounds[0] ?? 0)}`.padStart(16)}  peak ${peakMegabytes.toFixed(0)} MB${more}`
      )
    print("the texts alone, and what runs", apart("nothing", times))
    const plain = apart("plain", times)
    const ours = apart("train", times)
    print("a plain loop over typed arrays", plain)
    print(
      "training, as Nbow.fit does it",
      ours,
      `, ${(median(ours.rounds) / median(plain.rounds)).toFixed(2)} of the plain loop`
    )
    if (times === 1) {
      const { peakMegabytes, rounds } = apart("stock", times)
      const scaled = { peakMegabytes, rounds: rounds.map((round) => round * options.epochs) }
      print(
        "TensorFlow.js's fit, wasm, 1 epoch × 10",
        scaled,
        `, ${(median(scaled.rounds) / median(ours.rounds)).toFixed(0)} times ours`
      )
    } else console.log("TensorFlow.js's fit would need 490 MB for its dense rows alone")
    print("Nbow.fit, all of it", apart("fit", times))
    const vectorized = apart("vectorize", times)
    print("vectorizing", vectorized)
    const ratio = ({ rounds }: Measured, of: Measured) => `, ${(median(rounds) / median(of.rounds)).toFixed(2)} times`
    for (const [what, name] of [
      ["vectorizing, words and pairs of words", "bigrams"],
      ["vectorizing, TF-IDF", "tfidf"],
      ["vectorizing by Intl.Segmenter", "segmenter"]
    ] as const) {
      if (times > 1) continue
      const measured = apart(name, times)
      print(what, measured, ratio(measured, vectorized))
    }
    const predict = apart("predict", times)
    print("scoring", predict, `, ${Math.round((texts.length * times * 1000) / median(predict.rounds))} texts a second`)
    if (times === 1) {
      const bigrams = apart("predictBigrams", times)
      print("scoring, words and pairs of words", bigrams, ratio(bigrams, predict))
    }
    const { rounds } = apart("interrupt", times)
    console.log(
      `${"interrupting Nbow.fit, ten times".padEnd(40)} ${ms(median(rounds)).padStart(8)}   longest ${ms(Math.max(...rounds))}`
    )
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [, , name, times] = process.argv
  if (name === undefined) await run()
  else console.log(`\n${JSON.stringify(await measure(name, Number(times)))}`)
}
