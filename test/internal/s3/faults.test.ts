/** A short form of the campaign of random faults between a store and its object storage server. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { campaign } from "../../campaign/objectFaults.ts"
import { temporaryDirectory } from "../../support/directory.ts"
import * as ObjectServer from "../../support/objectServer.ts"

describe.skipIf(!ObjectServer.isInstalled)("a store behind a line that fails", () => {
  it.live("has what was put or says why not, and reads the right bytes or fails", () =>
    Effect.gen(function* () {
      const place = yield* ObjectServer.bucket
      const directory = yield* temporaryDirectory
      const result = yield* campaign(place, { faults: 15, seed: 3, directory })
      assert.deepStrictEqual(result.wrong, [])
      assert.isAbove(result.puts.succeeded, 0)
    }).pipe(Effect.scoped)
  )
})
