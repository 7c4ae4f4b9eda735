/**
 * What reads and writes Parquet, loaded when it is first used: a program that only declares a table, or prints its help,
 * does not wait for it.
 */
import * as Effect from "effect/Effect"

/** The reader's module. */
export const reader = Effect.promise(() => import("./reader.ts"))

/** The module of footers. */
export const footer = Effect.promise(() => import("./footer.ts"))

/** The writer's module. */
export const writer = Effect.promise(() => import("./writer.ts"))

/** The module of what a file says of itself. */
export const schema = Effect.promise(() => import("./fileSchema.ts"))

/** The module of CSV and JSON Lines. */
export const textFiles = Effect.promise(() => import("./textFiles.ts"))
