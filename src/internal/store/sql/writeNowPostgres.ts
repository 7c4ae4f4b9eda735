/** The program that writes into Postgres for a process that is about to end: see `writeNow.ts`. */
import { readFileSync } from "node:fs"
import { deserialize } from "node:v8"
import * as Effect from "effect/Effect"
import { RunStore } from "../../../RunStore.ts"
import * as Storage from "../../../Storage.ts"
import type { PostgresWork } from "./writeNow.ts"

const { blobs, url, writes }: PostgresWork = deserialize(readFileSync(0))

const program = Effect.gen(function* () {
  const runs = yield* RunStore
  for (const { changes, driver } of writes) yield* runs.write(changes, driver)
}).pipe(Effect.provide(Storage.layerPostgres({ url, blobs })))

Effect.runPromise(program).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  }
)
