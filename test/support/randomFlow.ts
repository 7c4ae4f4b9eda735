/**
 * A flow over random values: for each, a step that yields it, one that changes in place whatever it can, and two that
 * look at what they get. The looking steps have a version, so that a resume of the next version looks again. A module of
 * its own, so that worker threads make the same flow: seed and count come from the environment.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Artifact from "../../src/Artifact.ts"
import * as Flow from "../../src/Flow.ts"
import * as Step from "../../src/Step.ts"
import { fingerprint } from "./fingerprint.ts"
import { type Case, randomCases } from "./randomValues.ts"

/** What the environment says: which values, and how many. */
export const seed = Number(process.env.RANDOM_VALUES_SEED ?? 1)
export const count = Number(process.env.RANDOM_VALUES_COUNT ?? 60)

/** Changes in place all that a value holds, as far as it can be changed. */
export const vandalize = (value: unknown, seen = new Set<unknown>()): void => {
  if (typeof value !== "object" || value === null || seen.has(value)) return
  seen.add(value)
  const attempt = (change: () => void) => {
    try {
      change()
    } catch {
      // It is frozen.
    }
  }
  if (ArrayBuffer.isView(value)) new Uint8Array(value.buffer, value.byteOffset, value.byteLength).fill(255)
  else if (value instanceof Date) value.setTime(0)
  else if (value instanceof Map) {
    for (const entry of [...value]) for (const part of entry) vandalize(part, seen)
    value.clear()
  } else if (value instanceof Set) {
    for (const item of [...value]) vandalize(item, seen)
    value.add("vandalized")
  } else {
    for (const key of Object.keys(value)) {
      vandalize((value as Record<string, unknown>)[key], seen)
      attempt(() => {
        ;(value as Record<string, unknown>)[key] = "vandalized"
      })
    }
    attempt(() => {
      ;(value as Record<string, unknown>).vandalized = true
    })
    if (Array.isArray(value)) attempt(() => value.push("vandalized"))
  }
}

/** What a case looked like before anyone saw it. */
export const cases: ReadonlyArray<Case> = randomCases(seed, count)

const stepsOf = ({ field, value }: Case, i: number, version: string) => {
  const Value = field as Artifact.Artifact<unknown> // the field that goes with the value
  const give = Step.make(`give${i}`, { output: { value: Value }, run: () => Effect.succeed({ value }) })
  const change = Step.make(`change${i}`, {
    input: { value: Value },
    output: { text: Schema.String },
    run: ({ value }) =>
      Effect.sync(() => {
        const text = fingerprint(value)
        vandalize(value)
        return { text }
      })
  })
  const look = Step.make(`look${i}`, {
    input: { value: Value },
    output: { text: Schema.String },
    version,
    run: ({ value }) => Effect.sync(() => ({ text: fingerprint(value) }))
  })
  return { give, change, look }
}

/** The flow; its looking steps have a version. */
export const make = (version: string) => {
  const all = cases.map((pair, i) => stepsOf(pair, i, version))
  return Flow.make("RandomValues", {
    steps: all.flatMap(({ change, give, look }) => [give, change, look]),
    run: () =>
      Effect.forEach(all, ({ change, give, look }) =>
        Effect.gen(function* () {
          const given = yield* give()
          const first = yield* (yield* change(given)).text
          const second = yield* (yield* look(given)).text
          const inFlow = yield* given.value
          return { first, second, third: fingerprint(inFlow), given }
        })
      )
  })
}

/** What workers execute. */
export const flow = make(process.env.RANDOM_VALUES_VERSION ?? "1")
