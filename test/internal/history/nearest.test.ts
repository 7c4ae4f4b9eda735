/** The most similar earlier task: against a comparison with all of them, and that the work grows with their number alone. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Nearest from "../../../src/internal/history/nearest.ts"
import type { TaskRecord } from "../../../src/RunRecord.ts"
import { ref, task } from "../../conformance/records.ts"

/** How many parts of two tasks' keys differ, counted without any index. */
const distance = (a: TaskRecord, b: TaskRecord): number => {
  const names = new Set([...a.inputs, ...b.inputs].map(({ name }) => name))
  const digest = (task: TaskRecord, name: string) => task.inputs.find((input) => input.name === name)?.digest
  let count = Number(a.version !== b.version) + Number(a.cache !== b.cache)
  for (const name of names) if (digest(a, name) !== digest(b, name)) count++
  return count
}

const makeTask = (index: number, version: string, digests: ReadonlyArray<string>) =>
  task("01a", index, {
    key: `${version} ${digests.join(" ")}`,
    version,
    inputs: digests.map((digest, place) => ref(`input${place}`, digest))
  })

const digest = fc.constantFrom("a", "b", "c", "d", "e", "f")
const parts = fc.tuple(fc.constantFrom("1", "2"), fc.array(digest, { minLength: 3, maxLength: 3 }))

describe("the nearest earlier task", () => {
  it("is one that no other is nearer than, as long as it differs in one part or there are few", () => {
    fc.assert(
      fc.property(fc.array(parts, { minLength: 1, maxLength: 120 }), parts, (before, [version, digests]) => {
        const earlier = before.map(([version, digests], index) => makeTask(index + 1, version, digests))
        const now = makeTask(1, version, digests)
        const least = Math.min(...earlier.map((task) => distance(task, now)))
        const found = Nearest.make(earlier).to(now) as TaskRecord // there are earlier tasks
        if (least <= 1 || earlier.length <= 32) assert.strictEqual(distance(found, now), least)
        if (earlier.length <= 32)
          assert.strictEqual(
            found,
            earlier.find((task) => distance(task, now) === least)
          )
      })
    )
  })

  it("shares a rare part, where more than one differs", () => {
    const earlier = Array.from({ length: 1000 }, (_, index) => makeTask(index + 1, "1", [`row${index}`, "old", "x"]))
    const nearest = Nearest.make(earlier)
    assert.strictEqual(nearest.to(makeTask(1, "2", ["row700", "new", "x"])), earlier[700])
    assert.strictEqual(nearest.to(makeTask(1, "2", ["unheard of", "new", "y"])), earlier[0])
    assert.isTrue(nearest.withKey("1 row3 old x")[0] === earlier[3])
    assert.strictEqual(Nearest.make([]).to(makeTask(1, "1", [])), undefined)
  })

  it("takes work in proportion to the number of tasks", () => {
    const readsOf = (count: number): number => {
      let reads = 0
      const counted = (index: number, version: string) => {
        const { inputs, ...rest } = makeTask(index, version, [`row${index}`, "shared"])
        const get = () => {
          reads++
          return inputs
        }
        return Object.defineProperty(rest, "inputs", { get }) as TaskRecord
      }
      const nearest = Nearest.make(Array.from({ length: count }, (_, index) => counted(index, "1")))
      for (let index = 0; index < count; index++) nearest.to(counted(index, "2"))
      return reads
    }
    assert.isAtMost(readsOf(4000), readsOf(1000) * 5)
  })
})
