/** A cluster without a shared disk: its processes share a bucket and a database, and nothing else. */
import { mkdirSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { temporaryDirectory } from "../support/directory.ts"
import { environment } from "../support/environment.ts"
import * as ObjectServer from "../support/objectServer.ts"
import * as Postgres from "./postgres.ts"
import * as Processes from "./processes.ts"

const sweep = fileURLToPath(new URL("../../examples/sweep.ts", import.meta.url))

describe.skipIf(!ObjectServer.isInstalled || Postgres.binaries === undefined)("a cluster on a bucket", () => {
  it.live("runs examples/sweep.ts on two workers, and refuses one with another bucket when it starts", () =>
    Effect.gen(function* () {
      const place = yield* ObjectServer.bucket
      const directory = yield* temporaryDirectory
      const blobs = `s3://${place.bucket}/sweep`
      yield* environment({
        AWS_ACCESS_KEY_ID: place.credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: place.credentials.secretAccessKey,
        AWS_ENDPOINT_URL_S3: place.endpoint,
        EFFECT_FLOW_DATABASE_URL: yield* Postgres.database,
        EFFECT_FLOW_BLOBS: blobs,
        EFFECT_FLOW_GROUP: "sweep",
        EFFECT_FLOW_SHARD_LOCK_EXPIRATION: "5 seconds"
      })
      // Each process has a directory of its own, as on a machine of its own.
      const start = (machine: string, ...words: ReadonlyArray<string>) => {
        const home = join(directory, machine)
        mkdirSync(home, { recursive: true })
        const script = `cd ${home} && exec ${process.execPath} ${sweep} "$@"`
        return Processes.run("sh", ["-c", script, "sh", ...words])
      }
      const worker = (machine: string, ...words: ReadonlyArray<string>) =>
        Effect.tap(start(machine, "worker", "--size", "1", "--cache-dir", "cache", ...words), (process) =>
          process.prints("Working at")
        )
      const workers = yield* Effect.all([worker("one"), worker("two")], { concurrency: "unbounded" })

      const run = yield* start(
        "driver",
        ...["run", "--executor", "cluster", "--json"],
        ...["--learning-rates", "[0.002]", "--hidden-sizes", "[5, 15]"]
      )
      const other = yield* start("other", "worker", "--blobs", `s3://${place.bucket}/elsewhere`)
      assert.strictEqual(yield* other.exit, 1, other.output())
      assert.match(
        other.output(),
        /sees other blobs than this process does in s3:\/\/\S+\/elsewhere\. Set EFFECT_FLOW_BLOBS to the same bucket and prefix/
      )
      assert.strictEqual(yield* run.exit, 0, run.output())

      const client = yield* ObjectServer.client(place)
      const { items } = yield* client.list("sweep/")
      assert.isAbove(items.length, 1)
      // A worker fetched what it trained on, and no output shows a secret.
      const cached = ["one", "two"].flatMap((machine) => readdirSync(join(directory, machine, "cache")))
      assert.isNotEmpty(cached)
      for (const { output } of [...workers, run, other]) assert.notInclude(output(), place.credentials.secretAccessKey)
    }).pipe(Effect.scoped)
  )
})
