/** The program that writes into Postgres for a process that is about to end: see `writeNow.ts`. */
import { readFileSync } from "node:fs"
import { deserialize } from "node:v8"
import * as Effect from "effect/Effect"
import { RunStore } from "../../../RunStore.ts"
import * as PostgresStorage from "./postgres.ts"
import type { PostgresWork } from "./writeNow.ts"

const { url, writes }: PostgresWork = deserialize(readFileSync(0))

const program = Effect.gen(function* () {
  const runs = yield* RunStore
  for (const { changes, driver } of writes) yield* runs.write(changes, driver)
}).pipe(Effect.provide(PostgresStorage.recordsOnly(url)))

Effect.runPromise(program).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  }
)
