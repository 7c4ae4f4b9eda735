/**
 * Flows for looking at: each is run for real, so that the page is tested on what a store really holds. They are quick, and
 * have something of everything: tables, tensors with texts beside them, metrics, cards, logs, retries, a fan-out.
 */
import { crc32, deflateSync } from "node:zlib"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Artifact from "../../src/Artifact.ts"
import * as Card from "../../src/Card.ts"
import * as Flow from "../../src/Flow.ts"
import * as Nbow from "../../src/nbow/Nbow.ts"
import * as Tensorflow from "../../src/nbow/Tensorflow.ts"
import * as Run from "../../src/Run.ts"
import * as Step from "../../src/Step.ts"
import * as Gate from "./gate.ts"

const Reviews = Artifact.table({ labels: Schema.Int, review: Schema.String, stars: Schema.Number })
const Model = Artifact.tensors()
const words = [
  "lovely",
  "soft",
  "itchy",
  "perfect",
  "returned",
  "runs small",
  "flattering",
  "cheap",
  "beautiful",
  "thin"
]

const generate = (rows: number, seed: number) => {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const review: Array<string> = []
  const labels: Array<number> = []
  const stars: Array<number> = []
  for (let i = 0; i < rows; i++) {
    const picked = Array.from({ length: 4 + Math.floor(next() * 12) }, () => words[Math.floor(next() * words.length)])
    review.push(`${i}: ${picked.join(" ")}`)
    labels.push(next() < 0.77 ? 1 : 0)
    stars.push(Math.round(next() * 5_000_000) / 1_000_000)
  }
  return { numRows: rows, columns: { labels, review, stars } }
}

const start = Step.make("start", {
  input: { rows: Schema.Int },
  output: { df: Reviews, valdf: Reviews },
  run: Effect.fnUntraced(function* ({ rows }) {
    yield* Effect.log(`num of rows: ${rows}`)
    return { df: generate(rows, 1), valdf: generate(Math.ceil(rows / 8), 2) }
  })
})

const baseline = Step.make("baseline", {
  input: { valdf: Reviews },
  output: { baseAcc: Schema.Number },
  run: ({ valdf }) =>
    Effect.succeed({ baseAcc: Array.from(valdf.columns.labels).filter((label) => label === 1).length / valdf.numRows })
})

const train = Step.make("train", {
  input: { df: Reviews, epochs: Schema.Int, pause: Schema.Int },
  output: { model: Model },
  run: Effect.fnUntraced(function* ({ df, epochs, pause }) {
    yield* Card.append(Card.markdown(`## Training\n\n${df.numRows} reviews, **${epochs} epochs**.`))
    const bar = yield* Card.append(Card.progress({ title: "epochs", value: 0, total: epochs }))
    for (let epoch = 1; epoch <= epochs; epoch++) {
      yield* Effect.sleep(pause)
      if (epoch === epochs) yield* Gate.passed
      const loss = 0.28 + 0.4 * Math.exp(-epoch / 3)
      yield* Run.metric("loss", loss, epoch)
      yield* Run.metric("val_loss", loss + 0.02 * epoch ** 0.5, epoch)
      yield* Run.metric("accuracy", 0.9 - loss / 4, epoch)
      yield* Effect.log(`epoch ${epoch}/${epochs} loss ${loss.toFixed(4)}`)
      yield* bar.update(Card.progress({ title: "epochs", value: epoch, total: epochs }))
    }
    yield* Effect.logWarning("validation loss no longer falls")
    const kernel = Float32Array.from({ length: words.length * 15 }, (_, i) => Math.sin(i * 12.9898) * 0.4)
    return {
      model: {
        tensors: {
          kernel: { dtype: "F32" as const, shape: [words.length, 15], data: kernel },
          bias: { dtype: "F32" as const, shape: [15], data: new Float32Array(15).fill(0.1) }
        },
        metadata: {
          vocabulary: JSON.stringify(words),
          options: JSON.stringify({ epochs, hidden: 15, rate: 0.1, l1: 1e-5, l2: 1e-4 })
        }
      }
    }
  })
})

const join = Step.join(
  "join",
  { baseline, train },
  {
    output: { modelAcc: Schema.Number, summary: Schema.Struct({ beats: Schema.Boolean, by: Schema.Number }) },
    run: Effect.fnUntraced(function* ({ baseline, train }) {
      const modelAcc = 0.8717
      yield* Effect.log(`Baseline accuracy: ${(baseline.baseAcc * 100).toFixed(2)}%`)
      yield* Effect.log(`Model accuracy: ${(modelAcc * 100).toFixed(2)}%`)
      yield* Card.append(
        Card.markdown(
          "# Evaluation\n\nThe model **beats** the baseline.\n\n| | accuracy |\n|---|--:|\n| model | 87.2% |\n| baseline | 77.3% |"
        )
      )
      const epochs = Array.from({ length: 10 }, (_, i) => i + 1)
      yield* Card.append(
        Card.line({
          title: "Loss",
          x: { label: "epoch" },
          series: [
            { name: "training", x: epochs, y: epochs.map((epoch) => 0.28 + 0.4 * Math.exp(-epoch / 3)) },
            {
              name: "validation",
              x: epochs,
              y: epochs.map((epoch) => 0.3 + 0.38 * Math.exp(-epoch / 3) + 0.004 * epoch),
              dashed: true
            }
          ]
        })
      )
      yield* Card.append(
        Card.heatmap({
          title: "Confusion",
          rowLabel: "is",
          columnLabel: "said",
          rows: ["negative", "positive"],
          columns: ["negative", "positive"],
          values: [
            [331, 183],
            [107, 1643]
          ]
        })
      )
      yield* Card.append(
        Card.bar({
          title: "Most influential words",
          labels: words.slice(0, 6),
          series: [{ name: "weight", values: [1.9, 1.6, -1.7, 2.2, -2.4, -0.8] }]
        })
      )
      return {
        modelAcc,
        summary: { beats: modelAcc > baseline.baseAcc, by: modelAcc - baseline.baseAcc, rows: train.df.numRows }
      }
    })
  }
)

const end = Step.make("end", {
  input: { modelAcc: Schema.Number },
  output: { page: Artifact.text("text/html") },
  run: ({ modelAcc }) =>
    Effect.as(Effect.log("Flow is complete"), {
      page: `<script>document.title = "taken over"</script><h1>${modelAcc}</h1>`
    })
})

/** Branches and a join, as in the tutorial. */
export const ReviewFlow = Flow.make("ReviewFlow", {
  parameters: {
    rows: Flow.parameter(Schema.Int, { default: 6000 }),
    epochs: Flow.parameter(Schema.Int, { default: 10 }),
    pause: Flow.parameter(Schema.Int, { default: 0 })
  },
  steps: [start, baseline, train, join, end],
  run: Effect.fnUntraced(function* ({ epochs, pause, rows }) {
    const data = yield* start({ rows })
    const report = yield* join({ baseline: baseline(data), train: train({ ...data, epochs, pause }) })
    yield* end(report)
    return report
  })
})

export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", {
  host: Schema.String,
  message: Schema.String
}) {}

const list = Step.make("list", {
  input: { hold: Schema.Int, width: Schema.Int },
  output: { items: Schema.Array(Schema.Int) },
  run: ({ hold, width }) => Effect.as(Effect.sleep(hold), { items: Array.from({ length: width }, (_, i) => i) })
})

const score = Step.make("score", {
  input: { item: Schema.Int, failing: Schema.Int, pause: Schema.Int },
  output: { score: Schema.Number },
  error: Unreachable,
  retry: { schedule: Schedule.recurs(1) },
  run: Effect.fnUntraced(function* ({ failing, item, pause }) {
    if (pause > 0) yield* Effect.sleep(pause * (1 + (item % 5)))
    if (item >= 8) yield* Gate.passed
    yield* Effect.logDebug(`scoring ${item}`)
    if (item === failing) {
      yield* Effect.logError(`no answer for item ${item}`)
      return yield* new Unreachable({
        host: "models.example",
        message: `models.example did not answer for item ${item}; is it up?`
      })
    }
    return { score: Math.sin(item) }
  })
})

const best = Step.join(
  "best",
  { scores: Step.many(score) },
  {
    output: { best: Schema.Number },
    run: ({ scores }) => Effect.succeed({ best: Math.max(...scores.map((state) => state.score)) })
  }
)

/** A fan-out over `width` items, after `hold` milliseconds; item `failing` fails. */
export const SweepFlow = Flow.make("SweepFlow", {
  parameters: {
    width: Flow.parameter(Schema.Int, { default: 24 }),
    hold: Flow.parameter(Schema.Int, { default: 0 }),
    failing: Flow.parameter(Schema.Int, { default: -1 }),
    pause: Flow.parameter(Schema.Int, { default: 0 }),
    concurrency: Flow.parameter(Schema.Int, { default: 8 })
  },
  steps: [list, score, best],
  run: Effect.fnUntraced(function* ({ concurrency, failing, hold, pause, width }) {
    const { items } = yield* list({ hold, width })
    const scores = Step.forEach(items, (item) => score({ item, failing, pause }), { concurrency })
    return yield* best({ scores })
  })
})

const chatter = Step.make("chatter", {
  input: { lines: Schema.Int },
  run: Effect.fnUntraced(function* ({ lines }) {
    for (let i = 1; i <= lines; i++)
      yield* i % 1000 === 0 ? Effect.logWarning(`line ${i}: a thousand more`) : Effect.log(`line ${i} of the flood`)
  })
})

/** A step that logs a lot. */
export const ChatterFlow = Flow.make("ChatterFlow", {
  parameters: { lines: Flow.parameter(Schema.Int, { default: 100_000 }) },
  steps: [chatter],
  run: ({ lines }) => chatter({ lines })
})

const tune = Step.make("tune", {
  input: { rate: Schema.Number, seed: Schema.Int, points: Schema.Int },
  output: { loss: Schema.Number },
  run: Effect.fnUntraced(function* ({ points, rate, seed }) {
    for (let i = 1; i <= points; i++) yield* Run.metric("loss", Math.exp(-i * rate) + seed / 100, i)
    return { loss: Math.exp(-points * rate) + seed / 100 }
  })
})

/** A sweep over learning rates, each task with a curve of its own. */
export const TuneFlow = Flow.make("TuneFlow", {
  parameters: {
    width: Flow.parameter(Schema.Int, { default: 14 }),
    points: Flow.parameter(Schema.Int, { default: 8 })
  },
  steps: [tune],
  run: Effect.fnUntraced(function* ({ points, width }) {
    const rates = Array.from({ length: width }, (_, i) => (i + 1) / 20)
    yield* Step.forEach(rates, (rate) => tune({ rate, seed: 3, points }), { concurrency: 4 })
  })
})

const weigh = Step.make("weigh", {
  input: { grams: Schema.Int, pause: Schema.Int },
  output: { weight: Schema.Int },
  run: ({ grams, pause }) => Effect.as(Effect.andThen(Effect.sleep(pause), Gate.passed), { weight: grams })
})

/** Called several times by `PackFlow`. */
export const WeighFlow = Flow.make("WeighFlow", {
  parameters: { grams: Schema.Int, pause: Schema.Int },
  steps: [weigh],
  run: ({ grams, pause }) => weigh({ grams, pause })
})

const wrap = Step.make("wrap", {
  input: { weights: Schema.Array(Schema.Int) },
  output: { parcel: Schema.Int },
  run: ({ weights }) => Effect.succeed({ parcel: weights.reduce((sum, weight) => sum + weight, 0) })
})

/** Called by `ShipFlow`; it calls a flow itself. */
export const PackFlow = Flow.make("PackFlow", {
  parameters: { items: Schema.Int, pause: Schema.Int },
  steps: [wrap],
  run: Effect.fnUntraced(function* ({ items, pause }) {
    const weights: Array<number> = []
    for (let i = 1; i <= items; i++) {
      const { weight } = yield* Flow.call(WeighFlow, { grams: 100 * i, pause })
      weights.push(yield* weight)
    }
    return yield* wrap({ weights })
  })
})

const order = Step.make("order", {
  output: { items: Schema.Int },
  run: () => Effect.succeed({ items: 4 })
})

const post = Step.make("post", {
  input: { parcel: Schema.Int, pause: Schema.Int },
  output: { posted: Schema.Boolean },
  run: ({ pause }) => Effect.as(Effect.sleep(pause), { posted: true })
})

/** A flow that calls another one, which calls a third: `pause` is how long each task at the bottom takes. */
export const ShipFlow = Flow.make("ShipFlow", {
  parameters: { pause: Flow.parameter(Schema.Int, { default: 0 }) },
  steps: [order, post],
  run: Effect.fnUntraced(function* ({ pause }) {
    const { items } = yield* order({})
    const { parcel } = yield* Flow.call(PackFlow, { items: yield* items, pause })
    yield* post({ parcel, pause })
  })
})

const Visits = Artifact.dataset({ page: Schema.String, seconds: Schema.Number }, { rowsPerPart: 40 })

const gather = Step.make("gather", {
  input: { records: Schema.Int },
  output: {
    notes: Artifact.text("text/markdown"),
    people: Artifact.text("text/csv"),
    script: Artifact.text("text/x-python"),
    picture: Artifact.bytes("image/png"),
    visits: Visits,
    tree: Schema.Unknown
  },
  run: Effect.fnUntraced(function* ({ records }) {
    yield* Effect.log("\u001b[32mgathered\u001b[0m in \u001b[1mone go\u001b[22m")
    yield* Effect.logWarning("\u001b[38;5;208mslow\u001b[0m source, needle 1")
    yield* Effect.log("the last line, needle 2")
    return {
      notes: "# Notes\n\nA **bold** word, and <script>alert(1)</script>.\n\n- one\n- two\n",
      people: 'name,age\n"Lovelace, Ada",36\nGrace,85\n',
      script: "# says hello\ndef hello(name):\n    return f'hello {name}' * 2\n",
      // One pixel.
      picture: Buffer.from(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
        "base64"
      ),
      visits: yield* Visits.write(
        Stream.fromIterable(Array.from({ length: 100 }, (_, i) => ({ page: `/page/${i % 7}`, seconds: i / 4 })))
      ),
      tree: {
        users: Array.from({ length: records }, (_, i) => ({ id: i, name: `user ${i}`, tags: ["a", "b"] })),
        needle: { deep: "found here" }
      }
    }
  })
})

const learn = Step.make("learn", {
  output: { model: Nbow.Model },
  run: () =>
    Nbow.fit(
      {
        texts: Array.from({ length: 60 }, (_, i) =>
          i % 2 === 0 ? `lovely soft dress ${i}` : `itchy cheap thing ${i}`
        ),
        labels: Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? 1 : 0))
      },
      { vocabularySize: 20, epochs: 60, seed: 1 }
    ).pipe(
      Effect.map((model) => ({ model })),
      Effect.provide(Tensorflow.layer),
      Effect.orDie
    )
})

/** An image of one colour. */
const png = (
  width: number,
  height: number,
  colour: readonly [red: number, green: number, blue: number]
): Uint8Array => {
  const chunk = (type: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data])
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(data.length)
    sum.writeUInt32BE(crc32(body))
    return Buffer.concat([length, body, sum])
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head.set([8, 2], 8) // eight bits of red, green and blue
  const row = Buffer.concat([Buffer.of(0), ...Array.from({ length: width }, () => Buffer.from(colour))])
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", head),
    chunk("IDAT", deflateSync(Buffer.concat(Array.from({ length: height }, () => row)))),
    chunk("IEND", new Uint8Array(0))
  ])
}

const draw = Step.make("draw", {
  input: { shade: Schema.Int },
  output: { picture: Artifact.bytes("image/png"), mask: Artifact.bytes("image/png") },
  run: ({ shade }) =>
    Effect.succeed({ picture: png(120 + shade, 80, [200, shade, 90]), mask: png(60, 60, [shade, shade, shade]) })
})

/** Tasks that write images. */
export const DrawFlow = Flow.make("DrawFlow", {
  parameters: { shades: Flow.parameter(Schema.Array(Schema.Int), { default: [40, 120, 200] }) },
  steps: [draw],
  run: ({ shades }) => Step.forEach(shades, (shade) => draw({ shade }), { concurrency: 1 })
})

/** A value of each kind that the page has a tool for. */
export const ToolsFlow = Flow.make("ToolsFlow", {
  parameters: { records: Flow.parameter(Schema.Int, { default: 300 }) },
  steps: [gather, learn],
  run: Effect.fnUntraced(function* ({ records }) {
    yield* gather({ records })
    yield* learn({})
  })
})
