/**
 * Runs a flow in a process that has no file descriptors left, or a few: when it opens its store, and while a task runs.
 * Prints how each run ended, as a line of JSON. Started by `badMedium.test.ts`, under `ulimit -n`.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import { type ArtifactStore, Flow, Run, type RunStore, Storage } from "effect-flow"
import * as LargeFlow from "./largeFlow.ts"

const held: Array<number> = []
const hold = (left: number): void => {
  try {
    for (;;) held.push(Fs.openSync("/dev/null", "r"))
  } catch {
    for (const file of held.splice(0, left)) Fs.closeSync(file)
  }
}
const letGo = (): void => {
  for (const file of held.splice(0)) Fs.closeSync(file)
}

let whileRunning = (): void => undefined
const flow = LargeFlow.make("OpenFiles", () => whileRunning())

const root = process.argv[2] as string // the test gives it
const inStore = <A, E>(name: string, effect: Effect.Effect<A, E, ArtifactStore.ArtifactStore | RunStore.RunStore>) =>
  Effect.provide(effect, Storage.layerLocal({ directory: Path.join(root, name) }))
const attempt = async (name: string): Promise<void> => {
  const exit = await Effect.runPromise(
    inStore(name, Flow.run(flow, {})).pipe(
      Effect.match({ onFailure: (error) => error.message, onSuccess: () => "ran" })
    )
  )
  letGo()
  console.log(JSON.stringify(exit))
}

await attempt("old") // and what is loaded at the first run is loaded
for (const store of ["new", "old"])
  for (const left of [0, 1, 2]) {
    hold(left)
    await attempt(store === "new" ? `new${left}` : store)
  }
whileRunning = () => hold(0)
await attempt("old")
whileRunning = () => undefined
await attempt("old")
console.log(
  JSON.stringify(
    await Effect.runPromise(
      inStore(
        "old",
        Effect.map(Run.list({}), (runs) => runs.length)
      )
    )
  )
)
