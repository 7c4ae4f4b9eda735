/** A store with the seeded runs, its page and a browser: what most tests of the page begin with. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { BrowserContext } from "playwright-core"
import * as Storage from "../../src/Storage.ts"
import * as Ui from "../../src/Ui.ts"
import { temporaryDirectory } from "../support/directory.ts"
import { launch } from "./browser.ts"
import { built } from "./built.ts"
import { flood, seed } from "./seed.ts"
import { profile, visit } from "./visit.ts"

/** The ids of the seeded runs. */
export class Seeded extends Context.Service<Seeded, Effect.Success<typeof seed> & { readonly flood: string }>()(
  "Seeded"
) {}

/** The browser. */
export class Opened extends Context.Service<Opened, BrowserContext>()("Opened") {}

/** The directory of the store. */
export class Directory extends Context.Service<Directory, string>()("Directory") {}

/** A browser over the page of a store in a new directory. */
export const unseeded = Layer.mergeAll(
  // The server reads the page's files when it starts.
  Layer.unwrap(Effect.as(built, Ui.layer({ port: 0, store: "/projects/reviews/.effect-flow" }))),
  Layer.effect(Opened, Effect.flatMap(launch, profile))
).pipe(
  Layer.provideMerge(Layer.unwrap(Effect.map(Directory, (directory) => Storage.layerLocal({ directory })))),
  Layer.provideMerge(Layer.effect(Directory, temporaryDirectory))
)

/** The same with runs of the flows for tests. */
export const served = Layer.effect(
  Seeded,
  Effect.orDie(
    Effect.gen(function* () {
      return { ...(yield* seed), flood: yield* flood }
    })
  )
).pipe(Layer.provideMerge(unseeded))

/** Opens an address of the page. */
export const open = Effect.fnUntraced(function* (path: string, colorScheme: "light" | "dark" = "light") {
  const { url } = yield* Ui.Server
  const visited = yield* visit(yield* Opened, colorScheme)
  yield* Effect.promise(() => visited.page.goto(url + path))
  return visited
})

export const act = <A>(what: () => Promise<A>): Effect.Effect<A> => Effect.promise(what)
