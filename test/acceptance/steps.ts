/**
 * The steps of the acceptance suite's graphs. Each does a sum that can be done by hand, and adds its name to a trail, so
 * that a run's result shows which tasks its data came through, and in which order.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Run from "../../src/Run.ts"
import * as Step from "../../src/Step.ts"

const Trail = Schema.Array(Schema.String)
const value = { x: Schema.Number, trail: Trail }
/** What most steps read: `note` is handed on unchanged from the start. */
const read = { ...value, note: Schema.String }

/** Every task logs two lines and a point, between which others may run. */
const done = Effect.fnUntraced(function* <A>(name: string, x: number, output: A) {
  yield* Effect.log(`${name} begins`)
  yield* Run.metric("x", x)
  yield* Effect.yieldNow
  yield* Effect.log(`${name} ends`)
  return output
})

export const start = Step.make("start", {
  description: "Makes what the others read",
  input: { seed: Schema.Number, count: Schema.Int },
  output: {
    ...read,
    items: Schema.Array(Schema.Int),
    kind: Schema.Literals(["a", "b", "c"]),
    even: Schema.Boolean
  },
  run: ({ count, seed }) =>
    done("start", seed, {
      x: seed,
      trail: ["start"],
      note: `seed ${seed}`,
      items: Array.from({ length: count }, (_, index) => index + 1),
      kind: (["a", "b", "c"] as const)[seed % 3] ?? "a",
      even: seed % 2 === 0
    })
})

const op = <const Name extends string>(name: Name, change: (x: number) => number) =>
  Step.make(name, {
    input: read,
    output: value,
    run: ({ trail, x }) => done(name, x, { x: change(x), trail: [...trail, name] })
  })

export const left = op("left", (x) => x + 1)
export const right = op("right", (x) => x * 2)
export const middle = op("middle", (x) => x - 3)
export const grow = op("grow", (x) => x + 1)

export const end = Step.make("end", {
  input: read,
  output: value,
  run: ({ note, trail, x }) => done("end", x, { x, trail: [...trail, `end of ${note}`] })
})

/** One way of several: `by` tells them apart. */
export const fork = Step.make("fork", {
  input: { ...read, by: Schema.Number },
  output: value,
  run: ({ by, trail, x }) => done("fork", x, { x: x * 10 + by, trail: [...trail, `fork ${by}`] })
})

type Seen = { readonly x: number; readonly trail: ReadonlyArray<string> }

const together = (name: string, states: ReadonlyArray<Seen>) => {
  const x = states.reduce((sum, state) => sum + state.x, 0)
  return done(name, x, { x, trail: [...states.flatMap((state) => state.trail), name] })
}

export const joinTwo = Step.join(
  "joinTwo",
  { left, right },
  { output: value, run: ({ left, right }) => together("joinTwo", [left, right]) }
)
export const joinTwins = Step.join(
  "joinTwins",
  { one: left, other: left },
  { output: value, run: ({ one, other }) => together("joinTwins", [one, other]) }
)
export const joinLevels = Step.join(
  "joinLevels",
  { a: joinTwo, b: joinTwo },
  { output: value, run: ({ a, b }) => together("joinLevels", [a, b]) }
)
export const joinAll = Step.join(
  "joinAll",
  { a: joinLevels, b: joinLevels },
  {
    input: { note: Schema.String },
    output: value,
    run: ({ a, b }, { note }) =>
      Effect.map(together("joinAll", [a, b]), ({ trail, x }) => ({ x, trail: [...trail, note] }))
  }
)

// --- lists ---------------------------------------------------------------------------------------------------------

export const score = Step.make("score", {
  input: { item: Schema.Int, base: Schema.Number },
  output: value,
  run: ({ base, item }) => done("score", item, { x: base * 10 + item, trail: [`score ${item}`] })
})
export const best = Step.join(
  "best",
  { scores: Step.many(score) },
  { output: value, run: ({ scores }) => together("best", scores) }
)

export const cell = Step.make("cell", {
  input: { i: Schema.Int, j: Schema.Int, k: Schema.Int },
  output: value,
  run: ({ i, j, k }) => done("cell", k, { x: 1, trail: [`${i}${j}${k}`] })
})
export const row = Step.join(
  "row",
  { cells: Step.many(cell) },
  { output: value, run: ({ cells }) => together("row", cells) }
)
export const sheet = Step.join(
  "sheet",
  { rows: Step.many(row) },
  { output: value, run: ({ rows }) => together("sheet", rows) }
)
export const book = Step.join(
  "book",
  { sheets: Step.many(sheet) },
  { output: value, run: ({ sheets }) => together("book", sheets) }
)

/** Which way an element of a list goes. */
export const classify = Step.make("classify", {
  input: { item: Schema.Int },
  output: { ...read, kind: Schema.Literals(["a", "b", "c"]) },
  run: ({ item }) =>
    done("classify", item, {
      x: item,
      trail: [`item ${item}`],
      note: `item ${item}`,
      kind: (["a", "b", "c"] as const)[item % 3] ?? "a"
    })
})
export const gather = Step.join(
  "gather",
  { all: Step.many(left) },
  { output: value, run: ({ all }) => together("gather", all) }
)

/** Begins a loop of so many rounds for an element of a list. */
export const begin = Step.make("begin", {
  input: { rounds: Schema.Int },
  output: read,
  run: ({ rounds }) => done("begin", rounds, { x: 0, trail: [`${rounds} rounds`], note: `${rounds}` })
})
export const laps = Step.join(
  "laps",
  { all: Step.many(grow) },
  { output: value, run: ({ all }) => together("laps", all) }
)
