/**
 * Bodies of steps that fail, print, log and leave things behind in ways that threads once recorded differently from fibers.
 * A module of its own, so that worker threads make the same flow.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Card from "../../src/Card.ts"
import { CurrentTask } from "../../src/CurrentTask.ts"
import * as Flow from "../../src/Flow.ts"
import * as Run from "../../src/Run.ts"
import * as Step from "../../src/Step.ts"

/** A body as JavaScript has it, which no compiler has seen. */
type Body = () => unknown

export class Typed extends Schema.TaggedError<Typed>()("Typed", {
  n: Schema.Number,
  cause: Schema.optional(Schema.Defect())
}) {}
export class Held extends Schema.TaggedError<Held>()("Held", {
  map: Schema.ReadonlyMap(Schema.String, Schema.Date),
  big: Schema.BigInt
}) {}

const secret = Redacted.make("open-sesame")
const done = Effect.succeed({ x: 1 })

const other = Step.make("other", { output: { x: Schema.Number }, run: () => Effect.succeed({ x: 1 }) })
export const Small = Flow.make("Small", { steps: [other], run: () => other() })

const deep = (): object => {
  let value = {}
  for (let level = 0; level < 5000; level++) value = { value }
  return value
}
const withCycle = (): object => {
  const value: { self?: unknown } = {}
  value.self = value
  return value
}
const throwing = (name: string): Error =>
  Object.defineProperty(new Error("unreadable"), name, {
    get: () => {
      throw new Error(`${name} throws`)
    }
  })
const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

const bodies = {
  // Defects
  dieText: () => Effect.die("just text"),
  dieUndefined: () => Effect.die(undefined),
  dieNumber: () => Effect.die(-0),
  dieSymbol: () => Effect.die(Symbol("s")),
  dieObject: () => Effect.die({ status: 500, body: { a: [1] } }),
  dieFunction: () => Effect.die(() => 1),
  dieEmpty: () => Effect.die(new Error()),
  dieTyped: () => Effect.die(new Typed({ n: 1 })),
  dieFrozen: () => Effect.die(Object.freeze(new Error("frozen", { cause: new Error("inner") }))),
  dieAggregate: () =>
    Effect.die(new AggregateError([new Error("one", { cause: new TypeError("below") }), "two"], "all")),
  dieChain: () => Effect.die(new Error("a", { cause: new TypeError("b", { cause: { code: 7 } }) })),
  dieWithoutStack: () => {
    const error = new Error("no stack")
    delete error.stack
    return Effect.die(error)
  },
  dieRevoked: () => Effect.die(revoked()),
  dieUnreadable: () => Effect.die(throwing("message")),
  dieCauseThrows: () => Effect.die(throwing("cause")),
  dieSecret: () => Effect.die({ token: secret, all: new Map([["t", [secret]]]), maybe: Option.some(secret) }),
  throwInside: () =>
    Effect.sync(() => {
      throw new RangeError("inside")
    }),
  throwAtOnce: () => {
    throw new DOMException("aborted", "AbortError")
  },
  overflow: () =>
    Effect.sync(() => {
      const again = (): number => again() + 1
      return { x: again() }
    }),
  // Typed failures
  failNaN: () => Effect.fail(new Typed({ n: Number.NaN })),
  failHeld: () => Effect.fail(new Held({ map: new Map([["a", new Date(5)]]), big: 2n ** 70n })),
  failCause: () => Effect.fail(new Typed({ n: 2, cause: new Error("inner", { cause: new Error("innermost") }) })),
  failLaterCause: () => Effect.fail(Object.assign(new Typed({ n: 3 }), { cause: new Error("set later") })),
  failTwice: () => Effect.all([Effect.fail(new Typed({ n: 1 })), Effect.fail(new Typed({ n: 2 }))], { concurrency: 2 }),
  failInTheEnd: () => Effect.ensuring(Effect.fail(new Typed({ n: 2 })), Effect.die(new Error("finalizer"))),
  failBoth: () =>
    Effect.failCause(
      Cause.combine(Cause.fail(new Typed({ n: 1 })), Cause.fail(new Typed({ n: 2, cause: new Error("inner") })))
    ),
  failInAllWays: () =>
    Effect.failCause(
      Cause.fromReasons<unknown>([
        Cause.makeInterruptReason(7),
        Cause.makeDieReason(new TypeError("thrown", { cause: new Error("below") })),
        Cause.makeFailReason(new Held({ map: new Map([["a", new Date(5)]]), big: 1n })),
        Cause.makeFailReason("text"),
        Cause.makeDieReason({ code: 7 })
      ])
    ),
  dieTwice: () => Effect.ensuring(Effect.die(new Error("body")), Effect.die(new Error("finalizer"))),
  failText: () => Effect.fail("\ud800 lone"),
  failEmpty: () => Effect.fail(""),
  // Outputs
  outNothing: () => Effect.succeed(null),
  outMissing: () => Effect.succeed({ y: 1 }),
  outGetter: () =>
    Effect.succeed({
      get x() {
        throw new Error("getter of the output")
      }
    }),
  outProxy: () =>
    Effect.succeed(
      new Proxy(
        { x: 1 },
        {
          has: () => {
            throw new Error("has throws")
          }
        }
      )
    ),
  outRevoked: () => Effect.succeed(revoked()),
  outInherited: () => Effect.succeed(Object.create({ x: 4 })),
  outMinusZero: () => Effect.succeed({ x: -0 }),
  outNaN: () => Effect.succeed({ x: Number.NaN }),
  outText: () => Effect.succeed({ x: "1" }),
  outPromise: () => Effect.succeed({ x: Promise.resolve(1) }),
  outSecret: () => Effect.succeed({ x: 1, any: { a: [secret] } }),
  outMap: () => Effect.succeed({ x: 1, any: new Map([["a", secret]]) }),
  outCycle: () => Effect.succeed({ x: 1, any: withCycle() }),
  outDeep: () => Effect.succeed({ x: 1, any: deep() }),
  outBigint: () => Effect.succeed({ x: 1, any: { a: 1n } }),
  // What is no Effect
  promise: async () => ({ x: 1 }),
  generator: function* () {
    yield 1
  },
  within: () => Effect.flatMap(Effect.void, (async () => 1) as never),
  // Interruptions, and what is left running
  interrupt: () => Effect.interrupt,
  interruptSelf: () => Effect.withFiber((fiber) => Fiber.interrupt(fiber)),
  joinInterrupted: () =>
    Effect.flatMap(Effect.forkChild(Effect.never), (fiber) =>
      Effect.andThen(Fiber.interrupt(fiber), Fiber.join(fiber))
    ),
  dieInterrupted: () => Effect.onInterrupt(Effect.interrupt, () => Effect.die(new Error("on interrupt"))),
  fork: () =>
    Effect.gen(function* () {
      yield* Effect.forkChild(Effect.onInterrupt(Effect.never, () => Effect.log("child ended")))
      yield* Effect.yieldNow
      return { x: 1 }
    }),
  forkScoped: () =>
    Effect.gen(function* () {
      yield* Effect.addFinalizer(() => Effect.log("finalizer"))
      yield* Effect.forkScoped(Effect.onInterrupt(Effect.never, () => Effect.log("scoped ended")))
      yield* Effect.yieldNow
      return { x: 1 }
    }).pipe(Effect.scoped),
  // What must not happen inside a step
  taskInside: () => other(),
  flowInside: () => Flow.run(Small as never, {} as never),
  callInside: () => Flow.call(Small as never, {} as never),
  forEachInside: () => Step.forEach([1], () => done),
  whenInside: () => Flow.when(Effect.succeed(true) as never, { onTrue: done, onFalse: done }),
  iterateInside: () => Flow.iterate(0, { while: () => Effect.succeed(false), body: Effect.succeed }),
  // Lines
  logs: () =>
    Effect.gen(function* () {
      yield* Effect.log("a", 1, { b: [1, new Map([["k", 1]])] })
      yield* Effect.log("")
      yield* Effect.log("more\nlines")
      yield* Effect.logError("because", Cause.fail("of this"))
      yield* Effect.logDebug("too quiet")
      yield* Effect.log(Symbol("s"), 1n, undefined, null, secret, Option.some(secret))
      return { x: 1 }
    }),
  annotations: () => Effect.as(Effect.log("annotated"), { x: 1 }),
  logThrows: () => Effect.log(throwing("name"), revoked()),
  prints: () =>
    Effect.sync(() => {
      console.log("log %s %d %o", "s", 1, { a: 1 })
      console.error("error", secret)
      console.table([{ a: secret }])
      console.assert(false, "assertion")
      console.count("counted")
      console.group("group")
      console.log("indented")
      return { x: 1 }
    }),
  printsAfterwards: () =>
    Effect.sync(() => {
      console.count("counted")
      console.log("not indented")
      return { x: 1 }
    }),
  writes: () =>
    Effect.promise(
      () =>
        new Promise((resolve) => {
          process.stdout.write(Buffer.from([0xc3]))
          process.stdout.write(Buffer.from([0xa9, 0x0a]))
          process.stderr.write("an error in parts")
          process.stdout.write("called back\n", () => {
            process.stdout.end("the end")
            resolve({ x: 1 })
          })
        })
    ),
  acquires: () =>
    Effect.gen(function* () {
      yield* Effect.acquireRelease(Effect.log("acquired"), () => Effect.log("released"))
      yield* Effect.forkScoped(
        Effect.onInterrupt(Effect.never, () => Effect.log("interrupted")),
        {
          startImmediately: true
        }
      )
      return { x: 1 }
    }),
  cannotRelease: () =>
    Effect.as(
      Effect.addFinalizer(() => Effect.die(new Error("not released"))),
      { x: 1 }
    ),
  // What else is kept with a task
  measures: () =>
    Effect.gen(function* () {
      const { addTags, removeTags } = yield* CurrentTask
      yield* Run.metric("m", 1)
      yield* Run.metric("m", -0)
      yield* addTags("b", "a", "b")
      yield* removeTags("a")
      yield* Effect.log((yield* Effect.flip(addTags(""))).message)
      yield* Card.append(Card.markdown("# Hello"))
      return { x: 1 }
    }),
  badMetric: () => Run.metric(Symbol("m") as never, 1),
  badTag: () => Effect.flatMap(CurrentTask, ({ addTags }) => addTags("")),
  random: () => Effect.flatMap(Random.nextInt, (n) => Effect.as(Effect.log(n), { x: n })),
  again: () =>
    Effect.flatMap(CurrentTask, ({ attempt }) =>
      attempt < 3 ? Effect.fail(new Typed({ n: attempt })) : Effect.succeed({ x: attempt })
    )
} satisfies { readonly [name: string]: Body }

/** Their names. */
export const names: ReadonlyArray<string> = Object.keys(bodies)

const bodyOf = ({ how }: { readonly how: string }) =>
  (bodies as { readonly [name: string]: Body })[how]?.() as Effect.Effect<never> // one of the names; whatever it returns
const common = { input: { how: Schema.String }, error: Schema.Union([Typed, Held, Schema.String]), run: bodyOf }

const once = Step.make("once", { ...common, output: { x: Schema.Number } })
const both = Step.make("both", { ...common, output: { x: Schema.Number, any: Schema.Unknown } })
const thrice = Step.make("thrice", {
  ...common,
  output: { x: Schema.Number },
  retry: { times: 2, while: (error) => error instanceof Typed }
})

/** Runs the body of that name in each step. */
export const Same = Flow.make("Same", {
  parameters: { how: Schema.String },
  steps: [once, both, thrice],
  run: ({ how }) => {
    const step = how.startsWith("out") ? both : how === "again" || how.startsWith("fail") ? thrice : once
    return Effect.asVoid(step({ how }) as Effect.Effect<unknown, unknown, never>)
  }
})
