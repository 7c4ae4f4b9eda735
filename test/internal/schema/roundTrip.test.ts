/** What a stored value comes back as: itself, or not at all. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Artifact from "../../../src/Artifact.ts"
import { capture } from "../../../src/internal/artifact/values.ts"
import * as Bytes from "../../../src/internal/schema/bytes.ts"
import { fingerprint } from "../../support/fingerprint.ts"
import { Day, dayMs, kept, refused } from "../../support/valueTable.ts"

const artifactOf = (field: Artifact.Field) =>
  (Artifact.isArtifact(field) ? field : Artifact.json(field)) as Artifact.Artifact<unknown>

const roundTrip = Effect.fnUntraced(function* (field: Artifact.Field, value: unknown) {
  const artifact = artifactOf(field)
  const { encoded } = yield* capture(artifact, value)
  const bytes = Bytes.concat(encoded as ReadonlyArray<Uint8Array>)
  return yield* artifact.decode({ bytes: Effect.succeed(bytes), path: Effect.die("no file") })
})

describe("a stored value", () => {
  for (const [what, field, value] of kept) {
    it.effect(`comes back as it was: ${what}`, () =>
      Effect.gen(function* () {
        assert.strictEqual(fingerprint(yield* roundTrip(field, value)), fingerprint(value))
      })
    )
  }
  for (const [what, field, value, path, message] of refused) {
    it.effect(`that would not come back is refused: ${what}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(roundTrip(field, value))
        assert.strictEqual((error.path ?? []).map(String).join("."), path)
        assert.match(error.message, message)
      })
    )
  }

  it.effect("may be a set or a map in any order", () =>
    Effect.gen(function* () {
      const days = new Set([new Date(dayMs), new Date(0)])
      assert.deepStrictEqual(
        [...((yield* roundTrip(Schema.ReadonlySet(Day), days)) as typeof days)],
        [new Date(0), new Date(dayMs)]
      )
    })
  )

  it.effect("may have keys that no member of its union declares, which are dropped as everywhere", () =>
    Effect.gen(function* () {
      const Shape = Schema.Union([
        Schema.Struct({ _tag: Schema.tag("circle"), data: Schema.Unknown }),
        Schema.Struct({ _tag: Schema.tag("square"), side: Schema.Number })
      ])
      const value = { _tag: "square", side: 2, extra: true }
      assert.deepStrictEqual(yield* roundTrip(Shape, value), { _tag: "square", side: 2 })
    })
  )
})
