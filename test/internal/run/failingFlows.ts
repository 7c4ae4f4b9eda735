/**
 * Flows that fail in every way that a user's code can: what the campaign and its short form run on each store and executor.
 * A worker thread finds the flow in this module.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { Artifact, CurrentTask, Flow, Run, Step } from "effect-flow"

/** A typed error whose data no JSON holds as it is. */
export class Odd extends Schema.TaggedError<Odd>()("Odd", {
  big: Schema.BigInt,
  at: Schema.Date,
  nothing: Schema.UndefinedOr(Schema.String),
  number: Schema.Number
}) {}

const unreadable = () => {
  const error = new Error("unreadable")
  for (const name of ["message", "_tag", "stack", "cause"]) {
    Object.defineProperty(error, name, {
      get: () => {
        throw new Error(`${name} throws`)
      }
    })
  }
  return error
}

const cyclic = () => {
  const error: Error & { self?: unknown } = new Error("cyclic")
  error.self = error
  error.cause = error
  return error
}

const unprintable = () => ({
  toString: () => {
    throw new Error("toString throws")
  }
})

/** A codec that throws when it writes. */
const Throwing = Schema.String.pipe(
  Schema.decodeTo(Schema.String, {
    decode: { run: (value: string) => Effect.succeed(value) } as never,
    encode: {
      run: () => {
        throw new Error("the codec throws")
      }
    } as never
  })
)

const untyped = (body: () => unknown) => body as unknown as () => Effect.Effect<unknown, unknown>

/** By name, what a body does. Each fails the run, or at least must not keep it from being recorded. */
export const failures: { readonly [name: string]: () => Effect.Effect<unknown, unknown, any> } = {
  throwError: () => {
    throw new Error("thrown")
  },
  throwString: () => {
    throw "a string"
  },
  throwUndefined: () => {
    throw undefined
  },
  throwNull: () => {
    throw null
  },
  throwBigint: () => {
    throw 12n
  },
  throwSymbol: () => {
    throw Symbol("a symbol")
  },
  throwUnreadable: () => {
    throw unreadable()
  },
  throwCyclic: () => {
    throw cyclic()
  },
  throwUnprintable: () => {
    throw unprintable()
  },
  throwWithoutPrototype: () => {
    throw Object.create(null)
  },
  throwProxy: () => {
    throw new Proxy(
      {},
      {
        get: () => {
          throw new Error("the proxy throws")
        }
      }
    )
  },
  fail: () => Effect.fail("failed"),
  failOdd: () => Effect.fail(new Odd({ big: 2n ** 70n, at: new Date(0), nothing: undefined, number: Number.NaN })),
  failBigint: () => Effect.fail({ _tag: "Bare", big: 1n }),
  failFunction: () => Effect.fail(() => 1),
  failUnreadable: () => Effect.fail(unreadable()),
  die: () => Effect.die(new TypeError("a defect")),
  dieCyclic: () => Effect.die(cyclic()),
  diePlain: () => Effect.die({ plain: 1n }),
  rejected: () => Effect.promise(() => Promise.reject(new Error("rejected"))),
  rejectedUndefined: () => Effect.promise(() => Promise.reject()),
  asynchronous: untyped(async () => ({ x: 1 })),
  asynchronousThrow: untyped(async () => {
    throw new Error("thrown in an async body")
  }),
  generator: untyped(function* () {
    yield 1
  }),
  nothing: untyped(() => undefined),
  notAnEffectWithin: () =>
    Effect.flatMap(
      Effect.void,
      untyped(async () => 1)
    ),
  interrupt: () => Effect.interrupt,
  interruptOwnFiber: () => Effect.withFiber((fiber) => Fiber.interrupt(fiber)),
  joinInterrupted: () =>
    Effect.flatMap(Effect.forkChild(Effect.never), (fiber) =>
      Effect.andThen(Fiber.interrupt(fiber), Fiber.join(fiber))
    ),
  forkThenThrow: () => Effect.andThen(Effect.forkChild(Effect.never), Effect.die("after a fork")),
  finalizerThrows: () =>
    Effect.ensuring(
      Effect.fail("failed"),
      Effect.sync(() => {
        throw new Error("the finalizer throws")
      })
    ),
  forgetOutput: () => Effect.succeed({}),
  yieldFunction: () => Effect.succeed({ x: () => 1 }),
  yieldThrowingCodec: () => Effect.succeed({ x: 1, text: "text" }),
  badTag: () => Effect.flatMap(CurrentTask, ({ addTags }) => addTags("x".repeat(1000))),
  badMetric: () => Run.metric("m", 1n as never),
  nanMetric: () => Effect.andThen(Run.metric("m", Number.NaN), Effect.fail("after a metric")),
  symbolMetric: () => Run.metric(Symbol("m") as never, 1),
  logUnprintable: () => Effect.andThen(Effect.log(unprintable(), unreadable()), Effect.fail("after a line")),
  logNul: () => Effect.andThen(Effect.log("a\0b\ud800"), Effect.fail("with \0 and \ud800")),
  hugeMessage: () => Effect.fail(new Error("x".repeat(200_000)))
}

/** The names, in a fixed order. */
export const names = Object.keys(failures)

const risky = Step.make("risky", {
  input: { how: Schema.String },
  output: { x: Schema.Number, text: Artifact.json(Throwing) },
  error: Schema.Union([Odd, Schema.String]),
  run: ({ how }) => (failures[how] as () => Effect.Effect<never, never>)() // by one of the names
})

const fine = Step.make("fine", {
  input: { i: Schema.Number },
  output: { i: Schema.Number },
  run: ({ i }) => Effect.succeed({ i })
})

/** Runs a step that fails beside others that do not. */
export const StepFails = Flow.make("StepFails", {
  parameters: { how: Schema.String },
  steps: [risky, fine],
  run: ({ how }) =>
    Effect.all([fine({ i: 1 }), risky({ how }), fine({ i: 2 })], { concurrency: "unbounded", discard: true })
})

/** Runs a step, and fails in a function of the flow's own body. */
export const BodyFails = Flow.make("BodyFails", {
  parameters: { how: Schema.String },
  steps: [risky, fine],
  run: ({ how }) =>
    Effect.andThen(
      fine({ i: 1 }),
      Step.forEach([1], () => (failures[how] as () => Effect.Effect<void, never>)()) // as above
    )
})

/** A flow that succeeds: what comes after the failures is recorded, too. */
export const After = Flow.make("After", { steps: [fine], run: () => fine({ i: 3 }) })
