/** The places of a task's events among those of its run. */
import { assert, it } from "@effect/vitest"
import { Places } from "../../../src/internal/run/places.ts"
import type { AttemptRecord, TaskRecord } from "../../../src/RunRecord.ts"

const task = (status: TaskRecord["status"], attempts: ReadonlyArray<AttemptRecord>): TaskRecord => ({
  run: "r0",
  id: "train/1",
  step: "train",
  index: 1,
  status,
  how: "executed",
  key: "k",
  version: "",
  startedAt: 0,
  attempts,
  parents: [],
  inputs: [],
  outputs: []
})

const running: AttemptRecord = { number: 1, status: "running", startedAt: 0 }

it("gives the end of a task a place of its own where an attempt died with the driver before", () => {
  const first = new Places(undefined)
  const died = first.take(task("running", [running]))
  assert.deepStrictEqual(died, [1, 2])
  const places = new Places({ of: new Map([["train/1", died]]), from: 100 })
  places.take(task("running", []))
  assert.deepStrictEqual(places.take(task("interrupted", [])), [1, 101])
})

it("gives an attempt that is made again a place of its own", () => {
  const places = new Places({ of: new Map([["train/1", [1, 2]]]), from: 100 })
  places.take(task("running", []))
  assert.deepStrictEqual(places.take(task("running", [running])), [1, 101])
  assert.deepStrictEqual(places.take(task("succeeded", [{ ...running, status: "succeeded" }])), [1, 101, 102, 103])
})
