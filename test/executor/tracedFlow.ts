/** A flow whose step makes spans of its own, and one that fails with its own error: run on fibers and on threads. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import * as Flow from "../../src/Flow.ts"
import * as Step from "../../src/Step.ts"

export class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {
  override get message() {
    return `refused: ${this.why}`
  }
}

const work = Step.make("work", {
  output: { spanId: Schema.String },
  run: Effect.fnUntraced(function* () {
    yield* Effect.annotateCurrentSpan("rows", 10)
    const inner = yield* Effect.currentSpan.pipe(
      Effect.tap(() => Effect.log("halfway")),
      Effect.withSpan("inner", { attributes: { size: 2, shape: { wide: true } }, kind: "client" })
    )
    yield* Effect.ignore(Effect.withSpan(new Refused({ why: "inside" }), "refusing"))
    yield* Effect.withSpan(Effect.void, "linked", { links: [{ span: inner, attributes: { because: "test" } }] })
    return { spanId: inner.spanId }
  }, Effect.withSpan("outer"))
})

const refuse = Step.make("refuse", {
  error: Refused,
  run: () => Effect.withSpan(new Refused({ why: "outside" }), "deciding")
})

export const TracedFlow = Flow.make("TracedFlow", {
  steps: [work],
  run: () => Effect.flatMap(work(), ({ spanId }) => spanId)
})

export const RefusingFlow = Flow.make("RefusingFlow", { steps: [refuse], run: () => refuse() })

/** A tracer that keeps its spans. */
export const collecting = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { spans, tracer }
}
