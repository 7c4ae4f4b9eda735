/** What crosses of a caller's context arrives as it was, and what can't cross harms nothing. */
import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as CallerContext from "../../../src/internal/workers/callerContext.ts"
import { fingerprint } from "../../support/fingerprint.ts"

const Value = Context.Reference<unknown>("test/Value", { defaultValue: () => "the default" })

/** A context after it crossed as JSON, as the cluster sends it. */
const cross = (context: Context.Context<never>): Context.Context<never> => {
  const sent = JSON.parse(JSON.stringify(structuredClone(CallerContext.collect(context))))
  return CallerContext.restore(Schema.decodeUnknownSync(CallerContext.CallerContext)(sent))(
    Context.empty() as Context.Context<never>
  )
}
const given = (value: unknown) =>
  Context.get(cross(Context.add(Context.empty() as Context.Context<never>, Value, value)), Value)

const doubled = (levels: number): object => {
  let value = {}
  for (let level = 0; level < levels; level++) value = { a: value, b: value }
  return value
}

describe("a reference of the caller", () => {
  const data: ReadonlyArray<unknown> = [
    "text",
    Number.NaN,
    -0,
    2n ** 70n,
    undefined,
    null,
    new Date(0),
    { a: [undefined, { b: new Map([["k", new Set([1n])]]) }] },
    { $date: 5 },
    JSON.parse('{"__proto__":1}'),
    Uint8Array.of(1, 2),
    doubled(5)
  ]
  it("arrives where it is data", () => {
    for (const value of data) assert.strictEqual(fingerprint(given(value)), fingerprint(value), inspect(value))
    const proxy = new Proxy({ a: 1 }, {})
    assert.deepStrictEqual(given(proxy), { a: 1 })
  })

  const cycle: Array<unknown> = []
  for (let i = 0; i < 10; i++) cycle.push(cycle)
  const others: ReadonlyArray<unknown> = [
    { run: () => 1 },
    new (class Service {})(),
    { token: [Redacted.make("secret")] },
    Symbol("s"),
    cycle,
    doubled(60),
    new Uint8Array(10_000_000),
    Array.from({ length: 100_001 }, () => []),
    {
      get a() {
        throw new Error("a getter that throws")
      }
    }
  ]
  it("stays behind where it is none, whatever reading it does, and at once", () => {
    for (const value of others) assert.strictEqual(given(value), "the default", inspect(value, { depth: 1 }))
  })
})

it.effect("data that stays behind is told of, once, and what is no data is not", () =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))
    const collect = CallerContext.collectAloud()
    for (const value of [() => 1, cyclic(), cyclic(), new (class Service {})()]) {
      yield* collect(Context.add(Context.empty() as Context.Context<never>, Value, value)).pipe(
        Effect.provideService(Logger.CurrentLoggers, new Set([logger]))
      )
    }
    assert.deepStrictEqual(lines, [
      'The value of "test/Value" does not reach steps on other threads: it holds a value that contains itself. They see its default.'
    ])
  })
)

describe("the annotations of the caller", () => {
  it.effect("look in a line as they would at home", () =>
    Effect.gen(function* () {
      const annotations = {
        text: "two words",
        at: new Date(0),
        map: new Map([["a", 1]]),
        partly: { a: undefined },
        n: Number.NaN,
        run: () => 1,
        of: new (class Mine {
          a = { b: { c: { d: 1 } } }
        })(),
        token: Redacted.make("secret"),
        loop: cyclic()
      }
      const context = yield* Effect.annotateLogs(Effect.context<never>(), annotations)
      const restored = Context.get(cross(context), References.CurrentLogAnnotations)
      const show = (value: unknown) => inspect(value, { depth: 2, breakLength: Number.POSITIVE_INFINITY })
      for (const [name, value] of Object.entries(annotations)) {
        assert.strictEqual(show(restored[name]), show(value), name)
        assert.strictEqual(typeof restored[name] === "string", typeof value === "string", name)
      }
    })
  )

  it("are there although showing one throws", () => {
    const context = Context.add(Context.empty() as Context.Context<never>, References.CurrentLogAnnotations, {
      bad: {
        [inspect.custom]: () => {
          throw new Error("it can't be shown")
        }
      },
      good: 1
    })
    const { good } = Context.get(cross(context), References.CurrentLogAnnotations)
    assert.strictEqual(good, 1)
  })
})

describe("effect's own references", () => {
  it("cross where a body's lines and spans depend on them", () => {
    const context = (Context.empty() as Context.Context<never>).pipe(
      Context.add(References.CurrentLogLevel, "Warn"),
      Context.add(References.UnhandledLogLevel, undefined),
      Context.add(References.TracerEnabled, false),
      Context.add(References.TracerSpanAnnotations, { tenant: "acme", at: new Date(0), of: Redacted.make("secret") })
    ) as Context.Context<never>
    const crossed = cross(context)
    assert.strictEqual(Context.get(crossed, References.CurrentLogLevel), "Warn")
    assert.strictEqual(Context.get(crossed, References.UnhandledLogLevel), undefined)
    assert.isFalse(Context.get(crossed, References.TracerEnabled))
    const { at, of, tenant } = Context.get(crossed, References.TracerSpanAnnotations)
    assert.deepStrictEqual([tenant, at, inspect(of)], ["acme", new Date(0), "<redacted>"])
  })
})

const cyclic = (): object => {
  const value: { self?: unknown } = {}
  value.self = value
  return value
}
