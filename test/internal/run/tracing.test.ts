/** A run as spans and metrics, as a program's own tracer sees it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import * as Flow from "../../../src/Flow.ts"
import * as Step from "../../../src/Step.ts"
import * as Storage from "../../../src/Storage.ts"

let attempts = 0
const first = Step.make("first", {
  output: { x: Schema.Int },
  retry: { times: 1 },
  run: () =>
    Effect.suspend(() => (++attempts % 2 === 1 ? Effect.fail("again") : Effect.succeed({ x: 1 }))).pipe(
      Effect.withSpan("mine")
    )
})
const joined = Step.join(
  "joined",
  { first },
  { output: { y: Schema.Int }, run: ({ first }) => Effect.succeed({ y: first.x }) }
)
const SpannedFlow = Flow.make("SpannedFlow", { steps: [first, joined], run: () => joined({ first: first() }) })

describe("a run under a tracer", () => {
  it.effect("is a span with its tasks, attempts and the user's spans below", () =>
    Effect.gen(function* () {
      const spans: Array<Tracer.Span> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      const { id } = yield* Flow.run(SpannedFlow, {}).pipe(Effect.withSpan("app"), Effect.withTracer(tracer))
      const parentOf = (span: Tracer.Span) =>
        Option.match(span.parent, { onNone: () => "", onSome: (parent) => (parent._tag === "Span" ? parent.name : "") })
      assert.deepStrictEqual(
        spans.map((span) => `${parentOf(span)} > ${span.name}`),
        [
          " > app",
          "app > run SpannedFlow",
          "run SpannedFlow > task first",
          "task first > attempt first",
          "attempt first > mine",
          "task first > attempt first",
          "attempt first > mine",
          "run SpannedFlow > task joined",
          "task joined > attempt joined"
        ]
      )
      assert.strictEqual(new Set(spans.map(({ traceId }) => traceId)).size, 1)
      const attributesOf = (name: string) =>
        Object.fromEntries(spans.findLast((span) => span.name === name)?.attributes ?? [])
      assert.deepInclude(attributesOf("run SpannedFlow"), { flow: "SpannedFlow", run: id })
      const task = {
        flow: "SpannedFlow",
        run: id,
        step: "first",
        task: "first/1",
        how: "executed",
        attempts: 2,
        bytes: 1
      }
      assert.deepInclude(attributesOf("task first"), task)
      assert.deepInclude(attributesOf("attempt first"), { run: id, task: "first/1", attempt: 2 })
      assert.isTrue(spans.every((span) => span.status._tag === "Ended"))
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("counts its tasks", () =>
    Effect.gen(function* () {
      yield* Flow.run(SpannedFlow, {})
      const counted = (yield* Metric.snapshot).flatMap((metric) =>
        metric.id === "effect_flow_tasks" && metric.attributes?.flow === "SpannedFlow" ? [metric] : []
      )
      assert.sameMembers(
        counted.map(({ attributes }) => attributes?.step),
        ["first", "joined"]
      )
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})
