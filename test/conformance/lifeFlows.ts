/** The flows whose runs are started, attached to, cancelled and resumed, in a module that workers can import. */
import { appendFileSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Card from "../../src/Card.ts"
import { CurrentTask } from "../../src/CurrentTask.ts"
import * as Flow from "../../src/Flow.ts"
import * as Run from "../../src/Run.ts"
import * as Step from "../../src/Step.ts"

export { CountingFlow } from "./checkpointFlows.ts"

const square = Step.make("square", {
  input: { x: Schema.Number },
  output: { y: Schema.Number },
  run: Effect.fnUntraced(function* ({ x }) {
    yield* Effect.log(`squaring ${x}`)
    yield* Run.metric("x", x)
    return { y: x * x }
  })
})

/** Ends at once. */
export const SquareFlow = Flow.make("SquareFlow", {
  parameters: { x: Flow.parameter(Schema.Number, { default: 3 }) },
  steps: [square],
  run: ({ x }) => square({ x })
})

const pause = Step.make("pause", { input: { x: Schema.Number }, run: ({ x }) => Effect.sleep(x % 7) })

/** Has more concurrent tasks than a page of events, which end in another order than they start in. */
export const WideFlow = Flow.make("WideFlow", {
  parameters: { tasks: Schema.Number },
  steps: [pause],
  run: ({ tasks }) =>
    Step.forEach(
      Array.from({ length: tasks }, (_, x) => x),
      (x) => pause({ x }),
      { concurrency: "unbounded" }
    )
})

/** What `refuse` fails with. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", { limit: Schema.Number }) {
  override get message(): string {
    return `More than ${this.limit} are refused.`
  }
}

const refuse = Step.make("refuse", {
  error: Refused,
  run: () => Effect.fail(new Refused({ limit: 7 }))
})

/** Fails with a typed error. */
export const RefusingFlow = Flow.make("RefusingFlow", { steps: [refuse], run: () => refuse() })

/** Notes something in a file, as a step in another process can. */
const note = (file: string, text: string) => Effect.sync(() => appendFileSync(file, `${text}\n`))

const wait = Step.make("wait", {
  input: { file: Schema.String },
  run: ({ file }) =>
    Effect.andThen(note(file, "waiting"), Effect.sleep("2 minutes")).pipe(Effect.ensuring(note(file, "released")))
})

const compute = Step.make("compute", {
  input: { file: Schema.String, ms: Schema.Number },
  run: ({ file, ms }) =>
    Effect.andThen(
      note(file, "waiting"),
      Effect.sync(() => {
        const end = performance.now() + ms
        while (performance.now() < end);
      })
    )
})

const after = Step.make("after", { input: { file: Schema.String }, run: ({ file }) => note(file, "after") })

const retried = Step.make("retried", {
  input: { file: Schema.String },
  error: Refused,
  retry: Schedule.spaced("2 minutes"),
  run: ({ file }) => Effect.andThen(note(file, "waiting"), Effect.fail(new Refused({ limit: 1 })))
})

/** A flow that waits, to be called. */
export const CalledFlow = Flow.make("CalledFlow", {
  parameters: { file: Schema.String },
  steps: [wait],
  run: ({ file }) => wait({ file })
})

/** Waits in one of the ways in which a run can wait, until it is cancelled. */
export const WaitingFlow = Flow.make("WaitingFlow", {
  parameters: {
    file: Schema.String,
    how: Schema.Literals(["step", "retry", "forEach", "called", "computing"])
  },
  steps: [wait, compute, after, retried],
  run: Effect.fnUntraced(function* ({ file, how }) {
    if (how === "step") yield* wait({ file })
    if (how === "retry") yield* retried({ file })
    if (how === "forEach") yield* Step.forEach([file, file, file], (file) => wait({ file }))
    if (how === "called") yield* Flow.call(CalledFlow, { file })
    // While a step computes on this thread, nobody can ask; the request comes between two of them.
    if (how === "computing") for (let round = 0; round < 4; round++) yield* compute({ file, ms: 400 })
    yield* after({ file })
  })
})

const nap = Step.make("nap", {
  input: { file: Schema.String },
  run: Effect.fnUntraced(function* ({ file }) {
    yield* note(file, "napping")
    yield* Effect.sleep(200)
    yield* note(file, "rested")
  })
})

/** Ends after a while. */
export const NappingFlow = Flow.make("NappingFlow", {
  parameters: { file: Schema.String },
  steps: [nap],
  run: ({ file }) => nap({ file })
})

const tell = Step.make("tell", {
  input: { lines: Schema.Number },
  run: Effect.fnUntraced(function* ({ lines }) {
    for (let index = 0; index < lines; index++) {
      yield* Effect.log(`line ${index}`)
      if (index % 10 === 9) yield* Effect.sleep(30)
    }
    yield* Run.metric("size", lines)
    yield* Card.append(Card.markdown(`${lines} lines`))
  })
})

const faulty = Step.make("faulty", {
  output: { attempt: Schema.Number },
  error: Refused,
  retry: Schedule.recurs(1),
  run: Effect.fnUntraced(function* () {
    const { attempt } = yield* CurrentTask
    if (attempt === 1) return yield* new Refused({ limit: 1 })
    return { attempt }
  })
})

/** Logs, measures, shows and retries, in tasks that run at once. */
export const TellingFlow = Flow.make("TellingFlow", {
  parameters: { lines: Schema.Number },
  steps: [tell, faulty],
  run: Effect.fnUntraced(function* ({ lines }) {
    yield* Effect.log("begins")
    yield* Effect.all([tell({ lines }), tell({ lines: 5 })], { concurrency: "unbounded" })
    yield* faulty()
  })
})
