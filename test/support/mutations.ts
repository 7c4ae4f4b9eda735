/** A flow whose steps change whatever they can reach, and look at what others see of it; and one that fails oddly. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Artifact from "../../src/Artifact.ts"
import * as Flow from "../../src/Flow.ts"
import * as Step from "../../src/Step.ts"

const fields = {
  bytes: Artifact.bytes(),
  table: Artifact.table({ c: Artifact.column("float64"), at: Schema.Date }),
  tensors: Artifact.tensors({ w: { dtype: "F32" } }),
  json: Schema.Struct({ list: Schema.Array(Schema.Int), at: Schema.Date })
}

/** The module's own state, which it goes on changing. */
const state = { list: [3, 1, 2] }

const make = Step.make("make", {
  output: { ...fields, module: Schema.Struct({ list: Schema.Array(Schema.Int) }) },
  run: () =>
    Effect.succeed({
      bytes: Buffer.from([3, 1, 2]),
      table: { numRows: 3, columns: { c: Float64Array.of(3, 1, 2), at: [new Date(0), new Date(0), new Date(0)] } },
      tensors: { tensors: { w: { dtype: "F32" as const, shape: [3], data: Float32Array.of(3, 1, 2) } }, metadata: {} },
      json: { list: [3, 1, 2], at: new Date(1) },
      module: state
    })
})

const change = Step.make("change", {
  input: fields,
  output: { n: Schema.Int, list: Schema.String, module: Schema.String },
  run: ({ bytes, json, table, tensors }) =>
    Effect.sync(() => {
      bytes.sort()
      table.columns.c.sort()
      for (const date of table.columns.at) date.setTime(9)
      tensors.tensors.w.data.sort()
      json.at.setTime(9)
      const list = json.list as Array<number> // beside a date, it is the receiver's own copy
      list.push(4)
      state.list.push(4) // on a thread it is that thread's own
      return { n: 1, list: list.length === 4 ? "changed" : "", module: "changed later" }
    })
})

const look = Step.make("look", {
  input: { ...fields, n: Schema.Int },
  output: { bytes: Schema.String, column: Schema.String, dates: Schema.String, tensor: Schema.String },
  run: ({ bytes, json, table, tensors }) =>
    Effect.succeed({
      bytes: bytes.join(),
      column: table.columns.c.join(),
      dates: [table.columns.at[0]?.getTime(), json.at.getTime()].join(),
      tensor: tensors.tensors.w.data.join()
    })
})

const buffer = new Uint8Array(8)

const fill = Step.make("fill", {
  input: { n: Schema.Int },
  output: { x: Artifact.bytes(), t: Artifact.table({ c: Artifact.column("int32") }) },
  run: ({ n }) =>
    Effect.sync(() => {
      buffer.fill(n)
      return { x: buffer, t: { numRows: 2, columns: { c: new Int32Array(buffer.buffer, 0, 2) } } }
    })
})

const collect = Step.join(
  "collect",
  { parts: Step.many(fill) },
  {
    output: { all: Schema.String },
    run: ({ parts }) =>
      Effect.succeed({
        all: parts.map(({ t, x }) => (t.columns.c[1] === 0x01_01_01_01 * (x[0] ?? 0) ? x[0] : "torn")).join()
      })
  }
)

/** What the tasks saw, by what was changed. */
export const Mutations = Flow.make("Mutations", {
  steps: [make, change, look, fill, collect],
  run: Effect.fnUntraced(function* () {
    const value = yield* make()
    const changed = yield* change(value)
    const looked = yield* look({ ...value, n: changed.n })
    const filled = yield* collect({ parts: Step.forEach([1, 2, 3], (n) => fill({ n }), { concurrency: 3 }) })
    return {
      bytes: yield* looked.bytes,
      column: yield* looked.column,
      dates: yield* looked.dates,
      tensor: yield* looked.tensor,
      list: yield* changed.list,
      buffers: yield* filled.all,
      module: yield* changed.module
    }
  })
})

/** JSON has no bigints. */
export class Odd extends Schema.TaggedError<Odd>()("Odd", { value: Schema.BigInt }) {}

const fail = Step.make("fail", { error: Odd, run: () => Effect.fail(new Odd({ value: 10n ** 20n })) })

/** Fails with an error that JSON can't hold as it is. */
export const failing = Flow.make("Failing", { steps: [fail], run: () => fail() })
