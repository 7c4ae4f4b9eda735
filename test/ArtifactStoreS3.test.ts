/** The conformance suite of `ArtifactStore`, against a bucket of a real server with the runs in Postgres, and in a directory. */
import { describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Storage from "../src/Storage.ts"
import { suite } from "./conformance/artifactStore.ts"
import { hasPostgres, postgresSchema, temporaryDirectory } from "./conformance/layers.ts"
import { bucket, isInstalled } from "./support/objectServer.ts"

/** Each layer is empty: a bucket is new, or a prefix of its own. */
const layer = (runs: typeof postgresSchema | typeof temporaryDirectory) =>
  Layer.unwrap(
    Effect.gen(function* () {
      return Storage.layerS3({ ...(yield* bucket), prefix: "some/prefix/", runs: yield* runs })
    })
  )

// Skipped rather than absent: a test file without a suite is a failure.
describe.skipIf(!isInstalled)("in a bucket", () => {
  if (hasPostgres) suite("S3 with Postgres", layer(postgresSchema))
  suite("S3 with SQLite", layer(temporaryDirectory))
})
