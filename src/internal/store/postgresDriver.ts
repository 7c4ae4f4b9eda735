/**
 * Loads the Postgres driver, an optional peer dependency: a program that keeps its store in a directory need not install it.
 * The import stands in a `try` block, which is how bundlers recognize a module that may be missing.
 */
import * as Effect from "effect/Effect"
import { StoreError } from "../../RunStore.ts"
import { messageOf } from "../cause.ts"

const load = async () => {
  try {
    return await import("@effect/sql-pg/PgClient")
  } catch (cause) {
    throw new StoreError({ message: explain(cause), cause })
  }
}

const explain = (cause: unknown): string => {
  const message = messageOf(cause)
  return message.includes("@effect/sql-pg")
    ? "Postgres needs a driver that is not installed: run `npm install @effect/sql-pg`. In a bundle, install it before bundling."
    : `The Postgres driver @effect/sql-pg can't be loaded: ${message}`
}

/**
 * Options of every connection. If a server goes away without a word (it restarts behind a partition, or loses power), an answer
 * would be awaited without end. Probes on a silent connection find that out within 5 to 15 seconds.
 */
export const probed = { keepAlive: "5 seconds" } as const

/** The driver. Fails with the command that installs it. */
export const driver: Effect.Effect<typeof import("@effect/sql-pg/PgClient"), StoreError> = Effect.tryPromise({
  try: load,
  catch: (error) => error as StoreError // thrown above
})
