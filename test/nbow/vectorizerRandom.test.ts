/**
 * Every fourth of the 1,000 random corpora for each option, to keep the tests short. `npx tsx test/campaign/sklearn.ts`
 * compares all of them, and fresh ones where scikit-learn is installed.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { compare, stored } from "./vectorizerRandom.ts"

describe("CountVectorizer, on random corpora for each option", () => {
  for (const group of Object.keys(stored.groups)) {
    it.effect(`does what scikit-learn does: ${group}`, () =>
      Effect.gen(function* () {
        assert.strictEqual(stored.groups[group]?.length, 1000)
        yield* compare(stored, group, 4)
      })
    )
  }
})
