/**
 * The graphs of the acceptance suite, each a flow: every shape that Metaflow supports, and shapes that it rejects.
 * Workers import this module, so it exports only flows.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Flow from "../../src/Flow.ts"
import type { Ref } from "../../src/Ref.ts"
import * as Step from "../../src/Step.ts"
import * as S from "./steps.ts"

export * from "./graphsBeyond.ts"

const parameters = {
  seed: Flow.parameter(Schema.Number, { default: 3 }),
  count: Flow.parameter(Schema.Int, { default: 4 })
}

export const linear = Flow.make("linear", {
  parameters,
  steps: [S.start, S.left, S.right, S.end],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    const one = yield* S.left(data)
    return { last: yield* S.end(yield* S.right(one)) }
  })
})

export const branch = Flow.make("branch", {
  parameters,
  steps: [S.start, S.left, S.right, S.joinTwo, S.end],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    const branches = yield* Effect.all({ left: S.left(data), right: S.right(data) }, { concurrency: "unbounded" })
    const { trail, x } = yield* S.joinTwo(branches)
    const { note } = yield* Step.merge(branches, { x: "left", trail: "right" })
    return { last: yield* S.end({ x, trail, note }), branches }
  })
})

type Read = { readonly x: Ref<number>; readonly trail: Ref<ReadonlyArray<string>>; readonly note: Ref<string> }

const two = (state: Read) => S.joinTwo({ left: S.left(state), right: S.right(state) })
const level = (state: Read, by: number) =>
  Effect.flatMap(S.fork({ ...state, by }), (forked) =>
    S.joinLevels({
      a: Effect.flatMap(S.fork({ ...forked, by: 1 }), two),
      b: Effect.flatMap(S.fork({ ...forked, by: 2 }), two)
    })
  )

export const nestedBranches = Flow.make("nestedBranches", {
  parameters,
  steps: [S.start, S.fork, S.left, S.right, S.joinTwo, S.joinLevels, S.joinAll],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    return { last: yield* S.joinAll({ a: level(data, 1), b: level(data, 2) }, { note: data.note }) }
  })
})

export const foreach = Flow.make("foreach", {
  parameters,
  steps: [S.start, S.score, S.best, S.end],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    const scores = yield* Step.forEach(data.items, (item) => S.score({ item, base: data.x }))
    const { trail, x } = yield* S.best({ scores })
    return { last: yield* S.end({ x, trail, note: data.note }), scores }
  })
})

/** A foreach of more items than run at once. */
export const wideForeach = Flow.make("wideForeach", {
  parameters: { ...parameters, count: Flow.parameter(Schema.Int, { default: 20 }) },
  steps: [S.start, S.score, S.best],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    return { last: yield* S.best({ scores: Step.forEach(data.items, (item) => S.score({ item, base: data.x })) }) }
  })
})

/** A foreach of more items than a store writes at once. It takes as long as half of the other graphs together. */
export const widestForeach = Flow.make("widestForeach", {
  parameters: { ...parameters, count: Flow.parameter(Schema.Int, { default: 600 }) },
  steps: [S.start, S.score, S.best],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    return { last: yield* S.best({ scores: Step.forEach(data.items, (item) => S.score({ item, base: data.x })) }) }
  })
})

export const emptyForeach = Flow.make("emptyForeach", {
  parameters: { ...parameters, count: Flow.parameter(Schema.Int, { default: 0 }) },
  steps: [S.start, S.score, S.best, S.end],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    const { trail, x } = yield* S.best({
      scores: Step.forEach(data.items, (item) => S.score({ item, base: data.x }))
    })
    return { last: yield* S.end({ x, trail, note: data.note }) }
  })
})

export const nestedForeach = Flow.make("nestedForeach", {
  parameters: { ...parameters, count: Flow.parameter(Schema.Int, { default: 3 }) },
  steps: [S.start, S.cell, S.row, S.sheet, S.book],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    const sheets = Step.forEach(data.items, (i) =>
      S.sheet({
        rows: Step.forEach([1, 2], (j) =>
          S.row({ cells: Step.forEach([1, 2, 3, 4, 5, 6], (k) => S.cell({ i, j, k })) })
        )
      })
    )
    return { last: yield* S.book({ sheets }) }
  })
})

export const choice = Flow.make("choice", {
  parameters,
  steps: [S.start, S.left, S.right, S.middle, S.end],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    const way = yield* Flow.match(data.kind, { a: S.left(data), b: S.right(data), c: S.middle(data) })
    return { last: yield* S.end(way) }
  })
})

export const nestedChoice = Flow.make("nestedChoice", {
  parameters,
  steps: [S.start, S.left, S.right, S.middle, S.grow, S.end],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    const way = yield* Flow.match(data.kind, {
      a: () => Flow.when(data.even, { onTrue: S.left(data), onFalse: S.right(data) }),
      b: S.middle(data),
      c: S.grow(data)
    })
    return { last: yield* S.end(way) }
  })
})

export const choiceInBranch = Flow.make("choiceInBranch", {
  parameters,
  steps: [S.start, S.left, S.right, S.middle, S.joinTwo, S.end],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    const branches = yield* Effect.all(
      { left: S.left(data), right: Flow.when(data.even, { onTrue: S.right(data), onFalse: S.middle(data) }) },
      { concurrency: "unbounded" }
    )
    const { trail, x } = yield* S.joinTwo(branches)
    return { last: yield* S.end({ x, trail, note: data.note }), branches }
  })
})

export const branchInChoice = Flow.make("branchInChoice", {
  parameters,
  steps: [S.start, S.left, S.right, S.middle, S.joinTwo, S.end],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    const { trail, x } = yield* Flow.when(data.even, {
      onTrue: S.middle(data),
      onFalse: S.joinTwo({ left: S.left(data), right: S.right(data) })
    })
    return { last: yield* S.end({ x, trail, note: data.note }) }
  })
})

export const foreachInChoice = Flow.make("foreachInChoice", {
  parameters,
  steps: [S.start, S.score, S.best, S.middle, S.end],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    const { trail, x } = yield* Flow.when(data.even, {
      onTrue: S.middle(data),
      onFalse: () => S.best({ scores: Step.forEach(data.items, (item) => S.score({ item, base: data.x })) })
    })
    return { last: yield* S.end({ x, trail, note: data.note }) }
  })
})

export const choiceInForeach = Flow.make("choiceInForeach", {
  parameters,
  steps: [S.start, S.classify, S.left, S.right, S.middle, S.gather],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    const all = Step.forEach(data.items, (item) =>
      Effect.flatMap(S.classify({ item }), (one) =>
        Flow.match(one.kind, { a: S.left(one), b: S.right(one), c: S.middle(one) })
      )
    )
    return { last: yield* S.gather({ all }) }
  })
})

export const loop = Flow.make("loop", {
  parameters,
  steps: [S.start, S.left, S.grow, S.end],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    const last = yield* Flow.iterate(yield* S.left(data), {
      while: (state) => Effect.map(state.x, (x) => x < given.seed + 11),
      body: (state) => S.grow(state)
    })
    return { last: yield* S.end(last) }
  })
})

export const loopInForeach = Flow.make("loopInForeach", {
  parameters,
  steps: [S.begin, S.grow, S.laps],
  run: Effect.fnUntraced(function* () {
    const all = Step.forEach([3, 5, 2], (rounds) =>
      Effect.flatMap(S.begin({ rounds }), (first) =>
        Effect.flatMap(S.grow(first), (second) =>
          Flow.iterate(second, {
            while: (state) => Effect.zipWith(state.x, rounds, (x, limit) => x < limit),
            body: (state) => S.grow(state)
          })
        )
      )
    )
    return { last: yield* S.laps({ all }) }
  })
})

export const flowInFlow = Flow.make("flowInFlow", {
  parameters,
  steps: [S.start, S.joinTwo, S.left, S.end],
  run: Effect.fnUntraced(function* ({ count, seed }) {
    const data = yield* S.start({ seed, count })
    const { trail, x } = yield* S.joinTwo({
      left: S.left(data),
      right: Effect.map(Flow.call(called, { seed: seed + 1 }), (output) => output.last)
    })
    return { last: yield* S.end({ x, trail, note: data.note }) }
  })
})

/** What the others call. */
export const called = Flow.make("called", {
  parameters,
  steps: [S.start, S.right],
  run: Effect.fnUntraced(function* (given) {
    return { last: yield* S.right(yield* S.start(given)) }
  })
})

/** Two of the three that it calls are alike. */
export const callInForeach = Flow.make("callInForeach", {
  parameters,
  steps: [S.start, S.gather, S.end],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    const all = Step.forEach([10, 20, 20], (item) =>
      Effect.flatMap(item, (seed) => Effect.map(Flow.call(called, { seed }), (output) => output.last))
    )
    const { trail, x } = yield* S.gather({ all })
    return { last: yield* S.end({ x, trail, note: data.note }) }
  })
})

export const unbalancedJoin = Flow.make("unbalancedJoin", {
  parameters,
  steps: [S.start, S.left, S.right, S.middle, S.grow, S.joinTwo, S.end],
  run: Effect.fnUntraced(function* (given) {
    const data = yield* S.start(given)
    const deep = Effect.flatMap(S.middle(data), (one) => Effect.flatMap(S.grow(one), (other) => S.left(other)))
    const branches = yield* Effect.all({ left: deep, right: S.right(data) }, { concurrency: "unbounded" })
    const { trail, x } = yield* S.joinTwo(branches)
    return { last: yield* S.end({ x, trail, note: data.note }), branches }
  })
})
