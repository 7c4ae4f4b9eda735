/** Failures that cross to another thread or process keep their causes, and so do their records. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { causeLines, errorText } from "../../../src/internal/cli/errorText.ts"
import { fromCause } from "../../../src/internal/run/errorRecord.ts"
import * as FailureCodec from "../../../src/internal/workers/failureCodec.ts"
import { StoreError } from "../../../src/RunStore.ts"

class Refused extends Schema.TaggedError<Refused>()("Refused", { message: Schema.String }) {}

const task = { run: "r", step: "s", task: "s/1" }

/** The record of a failure at home, and that of the same failure after it crossed as JSON. */
const records = Effect.fnUntraced(function* (cause: Cause.Cause<unknown>, error?: Schema.Top) {
  const crossed = JSON.parse(JSON.stringify(FailureCodec.encode(cause, error)))
  const exit = yield* Effect.exit(
    FailureCodec.decode(Schema.decodeUnknownSync(FailureCodec.Failure)(crossed), task, error)
  )
  assert.isTrue(Exit.isFailure(exit))
  const arrived = Exit.isFailure(exit) ? exit.cause : Cause.empty
  return { home: fromCause(cause), away: fromCause(arrived), arrived }
})

const refused = new Error("ECONNREFUSED here")
const chain = new Error("no answer", { cause: new TypeError("fetch failed", { cause: refused }) })
const several = new AggregateError([new Error("a"), new Error("b", { cause: refused })], "all of them failed")
const loop = new Error("loop")
loop.cause = loop

describe("the causes of a failure", () => {
  const defects: ReadonlyArray<readonly [string, unknown, ReadonlyArray<string>]> = [
    ["a chain", chain, ["caused by TypeError: fetch failed", "caused by ECONNREFUSED here"]],
    ["several errors at once", several, ["caused by a", "caused by b", "caused by ECONNREFUSED here"]],
    ["an error that is its own cause", loop, []],
    ["a cause of Effect's", new Error("outer", { cause: Cause.fail(refused) }), ["caused by ECONNREFUSED here"]]
  ]
  for (const [title, defect, lines] of defects) {
    it.effect(`are kept and shown, a line each: ${title}`, () =>
      Effect.gen(function* () {
        const { away, home } = yield* records(Cause.die(defect))
        assert.deepStrictEqual(causeLines(home), lines)
        assert.deepStrictEqual(away.causes, home.causes)
        assert.isTrue(errorText(away).endsWith(lines.join("\n")))
      })
    )
  }

  it.effect("cross with typed errors, effect-flow's own and undeclared ones", () =>
    Effect.gen(function* () {
      const withCause = Object.assign(new Refused({ message: "no" }), { cause: chain })
      const typed = yield* records(Cause.fail(withCause), Refused)
      assert.strictEqual(typed.away.tag, "Refused")
      assert.deepStrictEqual(typed.away.causes, typed.home.causes)
      assert.lengthOf(typed.away.causes ?? [], 3)
      const own = yield* records(Cause.fail(Object.assign(new StoreError({ message: "broken" }), { cause: chain })))
      assert.deepInclude(own.away.causes ?? [], { tag: "Error", message: "ECONNREFUSED here" })
      const undeclared = yield* records(Cause.fail(withCause))
      assert.strictEqual(undeclared.away.tag, "ExecutorError")
      assert.deepInclude(undeclared.away.causes ?? [], { tag: "Error", message: "ECONNREFUSED here" })
    })
  )

  it.effect("include what else went wrong at the same time", () =>
    Effect.gen(function* () {
      const both = Cause.combine(Cause.fail(new Refused({ message: "no" })), Cause.die(chain))
      const { away, home } = yield* records(both, Refused)
      assert.strictEqual(home.tag, "Refused")
      assert.deepStrictEqual(
        home.causes?.map(({ message }) => message),
        ["no answer", "fetch failed", "ECONNREFUSED here"]
      )
      assert.deepStrictEqual(away.causes, home.causes)
    })
  )
})

describe("a defect that is data, and a cause without a reason", () => {
  const cases: ReadonlyArray<readonly [string, Cause.Cause<never>]> = [
    ["a text", Cause.die("boom")],
    ["an empty text", Cause.die("")],
    ["negative zero", Cause.die(-0)],
    ["nothing", Cause.die(undefined)],
    ["null", Cause.die(null)],
    ["a bigint", Cause.die(2n ** 70n)],
    ["an object", Cause.die({ code: 7, at: new Date(0), seen: new Set(["a"]) })],
    ["no reason", Cause.empty]
  ]
  for (const [title, cause] of cases) {
    it.effect(`cross as they are: ${title}`, () =>
      Effect.gen(function* () {
        const { arrived, away, home } = yield* records(cause)
        assert.deepStrictEqual(arrived, cause)
        assert.deepStrictEqual(away, home)
      })
    )
  }
})

describe("a failure that can't cross as it is", () => {
  const through = (decode: (text: string) => string, encode: (text: string) => string) =>
    Schema.Struct({
      _tag: Schema.tag("Odd"),
      text: Schema.String.pipe(
        Schema.decodeTo(Schema.String, {
          decode: SchemaGetter.transform(decode),
          encode: SchemaGetter.transform(encode)
        })
      )
    })
  const same = (text: string) => text
  const broken = () => {
    throw new Error("broken here")
  }
  const odd = Object.assign(new Error("the step's own"), { _tag: "Odd", text: "a" })

  it.effect("arrives with what it was, where the codec of its schema throws", () =>
    Effect.gen(function* () {
      const written = yield* records(Cause.fail(odd), through(same, broken))
      assert.match(
        written.away.message,
        /failed in a worker with Odd: the step's own — which its `error` schema could not encode: broken here$/
      )
      const read = yield* records(Cause.fail(odd), through(broken, same))
      assert.match(
        read.away.message,
        /failed in a worker with Odd: the step's own — but .* could not decode it: broken here/
      )
      assert.strictEqual(read.away.tag, "ExecutorError")
    })
  )

  it.effect("arrives although it can't be read", () =>
    Effect.gen(function* () {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      const { away, home } = yield* records(Cause.fail(proxy), Refused)
      assert.include(away.message, home.message)
      assert.deepStrictEqual((yield* records(Cause.die(proxy))).away, (yield* records(Cause.die(proxy))).home)
    })
  )

  it.effect("has no stack of this library's where it had none", () =>
    Effect.gen(function* () {
      for (const defect of ["text", undefined, -0, { status: 500 }]) {
        const { away, home } = yield* records(Cause.die(defect))
        assert.deepStrictEqual(away, home)
      }
    })
  )
})
