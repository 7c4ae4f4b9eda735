/** Short forms of the campaigns that try a store for minutes or hours: `npx tsx test/campaign/NAME.ts`. */
import { assert, describe, it } from "@effect/vitest"
import * as Flips from "../../campaign/flips.ts"
import * as PowerCuts from "../../campaign/powercuts.ts"

describe("a store", () => {
  it("gives the right bytes or a typed error, whatever bit is flipped", async () => {
    const { problems, tally } = await Flips.campaign(60, 7)
    assert.deepStrictEqual(problems, [])
    assert.strictEqual(tally.healed, 40)
  })

  const reason = PowerCuts.whyNot()
  if (reason !== undefined) console.info(`Skipped: power cuts, because ${reason}.`)
  it.skipIf(reason !== undefined)("is whole after a power cut", async () => {
    const { problems, tally } = await PowerCuts.campaign(2)
    assert.deepStrictEqual(problems, [])
    assert.strictEqual(tally.cuts, 2)
  })
})
