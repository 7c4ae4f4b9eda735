/** A card whose store fails for a moment: its last version is there in the end, whichever write failed. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import { TestClock } from "effect/testing"
import { ArtifactError, ArtifactStore } from "../../../src/ArtifactStore.ts"
import * as Card from "../../../src/Card.ts"
import * as Sink from "../../../src/internal/card/sink.ts"
import { Recorder } from "../../../src/internal/run/recorder.ts"
import * as Ticker from "../../../src/internal/run/ticker.ts"
import { RunStore, StoreError } from "../../../src/RunStore.ts"
import * as Storage from "../../../src/Storage.ts"
import { putRun, run, task } from "../../conformance/records.ts"

const large = Card.markdown("word ".repeat(40_000))

describe("a card", () => {
  it.effect("that could not be stored is stored when the attempt ends", () =>
    Effect.gen(function* () {
      const store = yield* ArtifactStore
      const isBroken = yield* Ref.make(true)
      const flaky: typeof store = {
        ...store,
        put: (chunks, address) =>
          Effect.flatMap(Ref.get(isBroken), (broken) =>
            broken
              ? Effect.fail(new ArtifactError({ reason: "unwritable", message: "full" }))
              : store.put(chunks, address)
          )
      }
      const sent: Array<Sink.SentCard> = []
      const sink = Sink.make(flaky, (card) => void sent.push(card))
      yield* sink.set([large])
      yield* sink.set([large, Card.markdown("more")])
      yield* TestClock.adjust("1 second")
      assert.strictEqual(sent.length, 0)
      yield* Ref.set(isBroken, false)
      yield* sink.flush
      assert.strictEqual(sent.length, 1)
      assert.isAbove((yield* store.get(sent[0]?.digest ?? "")).length, 200_000)
      yield* sink.flush
      assert.strictEqual(sent.length, 1)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("is sent at once when the time of day was set back since its last version", () =>
    Effect.gen(function* () {
      const sent: Array<Sink.SentCard> = []
      const sink = Sink.make(yield* ArtifactStore, (card) => void sent.push(card))
      yield* TestClock.adjust("1 hour")
      yield* sink.set([Card.markdown("first")])
      yield* TestClock.setTime(0)
      yield* TestClock.adjust("1 second")
      yield* sink.set([Card.markdown("second")])
      assert.strictEqual(sent.length, 2)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("and a running task outlast a failed write of their records, unless newer ones came", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      yield* store.write([putRun(run("01a"))])
      const isBroken = yield* Ref.make(true)
      const recorder = new Recorder({
        ...store,
        write: (changes) =>
          Effect.flatMap(Ref.get(isBroken), (broken) =>
            broken ? Effect.fail(new StoreError({ message: "full" })) : store.write(changes)
          )
      })
      const card = (task: string, digest: string) => ({ run: "01a", task, attempt: 1, at: 1, digest, size: 1 })
      recorder.card(card("s/1", "a"), new Uint8Array([1]))
      recorder.card(card("s/2", "b"), undefined)
      const running = task("01a", 3, { status: "running" })
      recorder.running({ _tag: "Task", task: running, blobs: [], schemas: [] })
      assert.strictEqual((yield* Effect.flip(recorder.write([]))).message, "full")
      recorder.card(card("s/2", "newer"), undefined)
      yield* Ref.set(isBroken, false)
      yield* recorder.write([])
      assert.deepStrictEqual(
        (yield* store.cards({ run: "01a" })).map(({ digest, task }) => `${task} ${digest}`).sort(),
        ["s/1 a", "s/2 newer"]
      )
      yield* Ticker.join(recorder, yield* Effect.scope)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* store.tasks({ run: "01a" }), [{ ...running, places: [1] }])
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})
