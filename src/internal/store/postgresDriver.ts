/**
 * Loads the Postgres driver, an optional peer dependency: a program that keeps its store in a directory need not install it.
 * The import stands in a `try` block, which is how bundlers recognize a module that may be missing.
 */
import type { PgPoolConfig } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import { StoreError } from "../../RunStore.ts"
import { messageOf } from "../cause.ts"

/**
 * If a server goes away without a word (it restarts behind a partition, or loses power), an answer would be awaited without end.
 * Probes on a silent connection find that out within 5 to 15 seconds.
 */
const probed = { keepAlive: "5 seconds" } as const

const load = async () => {
  try {
    const { layer, make } = await import("@effect/sql-pg/PgClient")
    return {
      layer: (config: PgPoolConfig) => layer({ ...probed, ...config }),
      make: (config: PgPoolConfig) => make({ ...probed, ...config })
    }
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

/** The driver, whose connections are probed while they are silent. Fails with the command that installs it. */
export const driver = Effect.tryPromise({
  try: load,
  catch: (error) => error as StoreError // thrown above
})
