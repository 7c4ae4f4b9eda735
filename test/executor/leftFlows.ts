/** Steps that leave code running which ends their thread, and steps that clean up slowly; a module for worker threads. */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Schema from "effect/Schema"
import { CurrentTask } from "../../src/CurrentTask.ts"
import * as Flow from "../../src/Flow.ts"
import * as Run from "../../src/Run.ts"
import * as Step from "../../src/Step.ts"

const ways = {
  throw: () => {
    throw new Error("left behind", { cause: new TypeError("the root") })
  },
  reject: () => void Promise.reject(new Error("left behind", { cause: new TypeError("the root") })),
  exit: () => process.exit(0)
}

/** What a step leaves behind. */
export type Way = keyof typeof ways

const leaves = Step.make("leaves", {
  input: { how: Schema.Literals(["throw", "reject", "exit"]), afterMs: Schema.Number },
  output: { x: Schema.Number },
  run: ({ afterMs, how }) =>
    Effect.sync(() => {
      setTimeout(ways[how], afterMs)
      return { x: 1 }
    })
})
const waits = Step.make("waits", { input: { x: Schema.Number }, run: () => Effect.never })
const partial = Step.make("partial", {
  run: () =>
    Effect.sync(() => {
      console.log("a line")
      process.stdout.write("half a line")
      process.exit(3)
    })
})

/** One step leaves something behind, and the next one waits on the same thread. */
export const LeftFlow = Flow.make("LeftFlow", {
  parameters: { how: Schema.Literals(["throw", "reject", "exit"]) },
  steps: [leaves, waits],
  run: Effect.fnUntraced(function* ({ how }) {
    yield* waits(yield* leaves({ how, afterMs: 20 }))
  })
})

/** What a step leaves behind ends an idle thread, while the flow's body waits for that. */
export const IdleFlow = Flow.make("IdleFlow", {
  steps: [leaves],
  run: () => Effect.andThen(leaves({ how: "throw", afterMs: 1 }), Effect.never)
})

export const PartialFlow = Flow.make("PartialFlow", { steps: [partial], run: () => partial() })

let kept: CurrentTask["Service"] | undefined
const keeps = Step.make("keeps", {
  run: Effect.fnUntraced(function* () {
    kept = yield* CurrentTask
  })
})
const uses = Step.make("uses", {
  run: () => Effect.orDie(kept?.addTags("late") ?? Effect.void)
})
/** A step uses the `CurrentTask` of another one, which is over. */
export const KeptFlow = Flow.make("KeptFlow", { steps: [keeps, uses], run: () => Effect.andThen(keeps(), uses()) })

const next = Latch.makeUnsafe()
const said = Latch.makeUnsafe()
const talks = Step.make("talks", {
  run: () =>
    Effect.asVoid(
      Effect.forkDetach(
        next.await.pipe(
          Effect.andThen(Effect.log("still here")),
          Effect.andThen(Run.metric("late", 1)),
          Effect.andThen(said.open)
        )
      )
    )
})
const hears = Step.make("hears", { run: () => Effect.andThen(next.open, said.await) })
/** A fiber that a step left running logs while the next step runs on the same thread. */
export const TalksFlow = Flow.make("TalksFlow", { steps: [talks, hears], run: () => Effect.andThen(talks(), hears()) })

const cleans = Step.make("cleans", {
  timeout: "50 millis",
  run: () => Effect.onInterrupt(Effect.never, () => Effect.andThen(Effect.sleep(600), Effect.log("cleaned up")))
})
export const CleansFlow = Flow.make("CleansFlow", { steps: [cleans], run: () => cleans() })
