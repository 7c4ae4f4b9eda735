/** Spans and failures of steps on threads are those that fibers give: one trace, and an error that says where it is from. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import * as Storage from "../../src/Storage.ts"
import { collecting, Refused, RefusingFlow, TracedFlow } from "./tracedFlow.ts"

const directory = mkdtempSync(join(tmpdir(), "effect-flow-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const executors = {
  fibers: Executor.layerFibers(),
  threads: Executor.layerThreads({ module: new URL("./tracedFlow.ts", import.meta.url), size: 1 })
}

const onEach = <E>(test: (name: string) => Effect.Effect<void, E, Layers>) =>
  Effect.forEach(Object.entries(executors), ([name, layer]) => Effect.provide(test(name), layer)).pipe(
    Effect.provide(Storage.layerLocal({ directory })),
    Effect.asVoid
  )
type Layers = Effect.Services<ReturnType<typeof Flow.run<"TracedFlow", {}, unknown, never, never>>>

describe("a run on fibers and on threads", () => {
  it.live("is one trace, with the user's spans below the attempts", () =>
    onEach((name) =>
      Effect.gen(function* () {
        const { spans, tracer } = collecting()
        const { output } = yield* Flow.run(TracedFlow, {}).pipe(
          Effect.annotateSpans({ tenant: "acme" }),
          Effect.withSpan("app"),
          Effect.withTracer(tracer)
        )
        const parentOf = (id: string | undefined) => spans.find((span) => span.spanId === id)?.name
        assert.deepStrictEqual(
          spans
            .map((span) => [Option.getOrUndefined(span.parent)?.spanId, span.name])
            .map(([id, own]) => [parentOf(id), own]),
          [
            [undefined, "app"],
            ["app", "run TracedFlow"],
            ["run TracedFlow", "task work"],
            ["task work", "attempt work"],
            ["attempt work", "outer"],
            ["outer", "inner"],
            ["outer", "refusing"],
            ["outer", "linked"]
          ],
          name
        )
        assert.strictEqual(new Set(spans.map(({ traceId }) => traceId)).size, 1, name)
        assert.isTrue(
          spans.every(({ status }) => status._tag === "Ended" && status.endTime >= status.startTime),
          name
        )
        assert.deepStrictEqual(
          spans.filter(({ attributes }) => attributes.get("tenant") !== "acme").map(({ name }) => name),
          ["app"],
          `${name}: the caller's annotations are on each span of the run`
        )
        const find = (wanted: string) => {
          const span = spans.find((span) => span.name === wanted)
          if (span === undefined) throw new Error(`There is no span "${wanted}".`)
          return span
        }
        // Whoever the body has told the id of its span finds the span under it.
        assert.strictEqual(find("inner").spanId, output, name)
        assert.strictEqual(find("inner").kind, "client", name)
        assert.strictEqual(find("inner").attributes.get("size"), 2, name)
        assert.deepStrictEqual(
          find("inner").events.map(([event]) => event),
          ["halfway"],
          name
        )
        assert.deepStrictEqual(find("attempt work").events, [], name)
        assert.strictEqual(find("outer").attributes.get("rows"), 10, name)
        assert.strictEqual(find("linked").links[0]?.span.spanId, output, name)
        assert.deepStrictEqual(find("linked").links[0]?.attributes, { because: "test" }, name)
        const { status } = find("refusing")
        const failure = status._tag === "Ended" && Exit.isFailure(status.exit) ? Cause.pretty(status.exit.cause) : ""
        assert.match(failure, /^Refused: refused: inside/, name)
      })
    )
  )

  it.live("fails with the step's own error, whose cause says run, step and task", () =>
    onEach((name) =>
      Effect.gen(function* () {
        const { spans, tracer } = collecting()
        const exit = yield* Effect.exit(Effect.withTracer(Flow.run(RefusingFlow, {}), tracer))
        if (Exit.isSuccess(exit)) return assert.fail("it succeeded")
        const [reason] = exit.cause.reasons
        assert.deepStrictEqual(reason?._tag === "Fail" && reason.error, new Refused({ why: "outside" }), name)
        const where = Context.get(Cause.annotations(exit.cause) as Context.Context<Flow.FailedTask>, Flow.FailedTask)
        assert.deepInclude(where, { flow: "RefusingFlow", step: "refuse", task: "refuse/1" }, name)
        const printed = Cause.pretty(exit.cause)
        assert.match(printed, /^Refused: refused: outside\n/, name)
        assert.include(
          printed,
          `    at task refuse/1 (step "refuse")\n    at run ${where.run} (flow "RefusingFlow")`,
          name
        )
        const deciding = spans.find((span) => span.name === "deciding")
        assert.strictEqual(deciding?.status._tag, "Ended", name)
      })
    )
  )
})
