/** The search of the page: steps and artifacts of any run, however old, and of runs that came since. */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { RunStore } from "../src/RunStore.ts"
import * as Storage from "../src/Storage.ts"
import * as Ui from "../src/Ui.ts"
import { putRun, putTask, ref, run, task } from "./conformance/records.ts"
import { ask } from "./support/ask.ts"
import { temporaryDirectory } from "./support/directory.ts"

const runs = 1500
const idOf = (number: number) => `01run${String(number).padStart(5, "0")}`

const served = Ui.layer({ port: 0 }).pipe(
  Layer.provideMerge(Layer.unwrap(Effect.map(temporaryDirectory, (directory) => Storage.layerLocal({ directory }))))
)

const search = Effect.fnUntraced(function* (text: string) {
  const { json } = yield* ask((yield* Ui.Server).url, `/api/search?text=${encodeURIComponent(text)}`)
  return json.map(({ kind, text, url }: any) => `${kind} ${text} ${url}`)
})

/** Asks until the runs were looked through, which is a matter of a second. */
const eventually = Effect.fnUntraced(function* (text: string) {
  for (;;) {
    const places = yield* search(text)
    if (places.length > 0) return places
  }
})

const ended = { status: "succeeded", finishedAt: 2000 } as const
const output = (name: string) => ref(name, "1".repeat(64))

layer(served, { excludeTestServices: true })("the search", (it) => {
  it.effect("finds steps and artifacts of the oldest run, of the newest one, and of one that goes on", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      yield* store.write(
        Array.from({ length: runs }, (_, number) => [
          putRun(run(idOf(number), { ...ended, flow: "Nightly" })),
          putTask(task(idOf(number), 1, { step: "train", outputs: [output("model")] })),
          ...(number === 0 ? [putTask(task(idOf(0), 2, { step: "forgotten", outputs: [output("relic")] }))] : []),
          ...(number === 1 ? [putTask(task(idOf(1), 2, { step: "removed", outputs: [output("ruin")] }))] : [])
        ]).flat()
      )
      const oldest = `/runs/${idOf(0)}/forgotten/2`
      assert.deepStrictEqual(yield* eventually("FORGOTTEN"), [`step forgotten ${oldest}`])
      assert.deepStrictEqual(yield* search("relic"), [`artifact relic ${oldest}/relic`])
      const newest = `/runs/${idOf(runs - 1)}/train/1`
      assert.deepStrictEqual(yield* search("train"), [`step train ${newest}`])
      assert.deepStrictEqual(yield* search("model"), [`artifact model ${newest}/model`])

      // One that is removed is not found any more, and others are found in the runs that are left.
      assert.lengthOf(yield* search("removed"), 1)
      yield* store.remove([idOf(1), idOf(runs - 1)])
      assert.deepStrictEqual(yield* search("removed"), [])
      assert.deepStrictEqual(yield* search("train"), [`step train /runs/${idOf(runs - 2)}/train/1`])

      // What was not there when the runs were looked through.
      yield* store.write([putRun(run(idOf(runs), { flow: "Nightly" }))])
      assert.deepStrictEqual(yield* search("late"), [])
      yield* store.write([
        putTask(task(idOf(runs), 1, { step: "later", outputs: [output("latest-model")] })),
        putRun(run(idOf(runs), { ...ended, flow: "Nightly" }))
      ])
      const late = `/runs/${idOf(runs)}/later/1`
      assert.deepStrictEqual(yield* search("late"), [
        `step later ${late}`,
        `artifact latest-model ${late}/latest-model`
      ])
    })
  )
})
