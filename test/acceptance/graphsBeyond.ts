/** Graphs that Metaflow rejects, or that need only Effect's own combinators. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Flow from "../../src/Flow.ts"
import type { Ref } from "../../src/Ref.ts"
import * as S from "./steps.ts"

const parameters = {
  seed: Flow.parameter(Schema.Number, { default: 3 }),
  count: Flow.parameter(Schema.Int, { default: 4 })
}

type Read = { readonly x: Ref<number>; readonly trail: Ref<ReadonlyArray<string>>; readonly note: Ref<string> }

const two = (state: Read) => S.joinTwo({ left: S.left(state), right: S.right(state) })

/** What joins, and branches again. */
export const rejoin = Flow.make("rejoin", {
  parameters,
  steps: [S.start, S.left, S.right, S.joinTwo, S.end],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    const once = yield* two(data)
    const twice = yield* two({ ...once, note: data.note })
    return { last: yield* S.end({ ...twice, note: data.note }) }
  })
})

/** Two tasks of one key. */
export const twins = Flow.make("twins", {
  parameters,
  steps: [S.start, S.left, S.joinTwins],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    return { last: yield* S.joinTwins({ one: S.left(data), other: S.left(data) }) }
  })
})

/** Of three branches two are joined, and the third only goes before the end. */
export const subset = Flow.make("subset", {
  parameters,
  steps: [S.start, S.left, S.right, S.middle, S.joinTwo, S.end],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    const { left, middle, right } = yield* Effect.all(
      { left: S.left(data), middle: S.middle(data), right: S.right(data) },
      { concurrency: "unbounded" }
    )
    const { trail, x } = yield* S.joinTwo({ left, right })
    const state = { x, trail, note: data.note, before: middle.x }
    return { last: yield* S.end(state) }
  })
})

/** Plain recursion. */
const descend = (state: Read, depth: number): ReturnType<typeof S.grow> =>
  depth === 0 ? S.grow(state) : Effect.flatMap(S.grow(state), (next) => descend(next, depth - 1))

export const recursion = Flow.make("recursion", {
  parameters,
  steps: [S.start, S.grow, S.end],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    return { last: yield* S.end(yield* descend(data, given.count)) }
  })
})

/** A plain `if` on a value: a plan stops there. */
export const plainIf = Flow.make("plainIf", {
  parameters,
  steps: [S.start, S.left, S.right, S.end],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    const way = (yield* data.x) > 2 ? yield* S.left(data) : yield* S.right(data)
    return { last: yield* S.end(way) }
  })
})
