/** Flows whose step counts on from its checkpoint, in a module that workers can import. */
import { appendFileSync } from "node:fs"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Artifact from "../../src/Artifact.ts"
import { CurrentTask } from "../../src/CurrentTask.ts"
import * as Flow from "../../src/Flow.ts"
import * as Step from "../../src/Step.ts"

/** What `count` fails with as long as it has not come far enough. */
export class Stopped extends Schema.TaggedError<Stopped>()("Stopped", { message: Schema.String }) {}

/** Larger than what stores keep in the database. */
const size = 50_000

const count = Step.make("count", {
  input: { file: Schema.String, seed: Schema.Number },
  output: { n: Schema.Int, sum: Schema.Number },
  error: Stopped,
  retry: { times: 1 },
  run: Effect.fnUntraced(function* ({ file, seed }) {
    const small = yield* CurrentTask.checkpoint(Schema.Struct({ n: Schema.Int, at: Schema.Date }))
    const large = yield* CurrentTask.checkpoint(Artifact.tensors({ sums: { dtype: "F32", shape: [null] } }), {
      name: "sums"
    })
    let n = Option.match(small.latest, { onNone: () => 0, onSome: (value) => value.n })
    const sums = Option.match(large.latest, {
      onNone: () => new Float32Array(size).fill(seed),
      onSome: ({ tensors }) => new Float32Array(tensors.sums.data)
    })
    appendFileSync(file, `${seed}: from ${n}\n`)
    for (let round = 0; round < 3; round++) {
      n++
      sums[size - 1] = (sums[size - 1] ?? 0) + n
      yield* small.save({ n, at: new Date(n) })
      yield* large.save({ tensors: { sums: { dtype: "F32", shape: [size], data: sums } }, metadata: {} })
    }
    if (n < 9) return yield* new Stopped({ message: `stopped at ${n}` })
    return { n, sum: sums[size - 1] ?? 0 }
  })
})

/** Fails twice, and succeeds when it is resumed. */
export const CountingFlow = Flow.make("CountingFlow", {
  parameters: { file: Schema.String, seed: Schema.Number },
  steps: [count],
  run: Effect.fnUntraced(function* ({ file, seed }) {
    const counted = yield* count({ file, seed })
    return { n: yield* counted.n, sum: yield* counted.sum }
  })
})

const countOtherwise = Step.make("count", {
  input: { file: Schema.String, seed: Schema.Number },
  output: { n: Schema.Int, sum: Schema.Number },
  run: Effect.fnUntraced(function* ({ file, seed }) {
    const { latest } = yield* CurrentTask.checkpoint(Schema.Struct({ n: Schema.Int, at: Schema.Date }))
    appendFileSync(file, `${seed}: otherwise from ${Option.isSome(latest) ? latest.value.n : 0}\n`)
    return { n: 9, sum: 45 }
  })
})

/** The same flow with other code in its step. */
export const OtherCodeFlow = Flow.make("CountingFlow", {
  parameters: { file: Schema.String, seed: Schema.Number },
  steps: [countOtherwise],
  run: Effect.fnUntraced(function* ({ file, seed }) {
    const counted = yield* countOtherwise({ file, seed })
    return { n: yield* counted.n, sum: yield* counted.sum }
  })
})

/** A flow whose step saves, and then waits for a gate where it starts from nothing. */
export const makeWaiting = () => {
  const reached = Deferred.makeUnsafe<void>()
  const wait = Step.make("wait", {
    input: { n: Schema.Int },
    output: { n: Schema.Int },
    run: Effect.fnUntraced(function* ({ n }) {
      const { latest, save } = yield* CurrentTask.checkpoint(Schema.Int)
      if (Option.isSome(latest)) return { n: latest.value }
      yield* save(n + 1)
      yield* Deferred.succeed(reached, undefined)
      return yield* Effect.never
    })
  })
  const flow = Flow.make("WaitingFlow", {
    parameters: { n: Schema.Int },
    steps: [wait],
    run: Effect.fnUntraced(function* ({ n }) {
      return yield* (yield* wait({ n })).n
    })
  })
  return { flow, reached }
}
