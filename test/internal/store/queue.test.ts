/** The sign by which processes that wait for a database's lock are noticed by one that keeps taking it. */
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Queue from "../../../src/internal/store/sql/queue.ts"
import { temporaryDirectory } from "../../conformance/layers.ts"

describe("the queue of processes that wait", () => {
  it.effect("shows the others for a moment, and never oneself", () =>
    Effect.gen(function* () {
      const database = Path.join(yield* temporaryDirectory, "runs.sqlite")
      let now = 1_000_000
      const [writer, waiting] = [Queue.make(database, () => now), Queue.make(database, () => now)]
      assert.isFalse(writer.hasWaiting())
      waiting.announce()
      assert.isFalse(writer.hasWaiting()) // it has looked just now
      now += 5
      assert.isTrue(writer.hasWaiting())
      assert.isFalse(waiting.hasWaiting())
      now += 94
      assert.isTrue(writer.hasWaiting())
      now += 7
      assert.isFalse(writer.hasWaiting())
      now += 5
      waiting.announce()
      assert.isTrue(writer.hasWaiting())
      assert.isFalse(Queue.none.hasWaiting())
    }).pipe(Effect.scoped)
  )
})
