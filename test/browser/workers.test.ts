/** The workers of a real cluster on the page: they appear as soon as they start, with what they execute. */
import { fileURLToPath } from "node:url"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Flow from "../../src/Flow.ts"
import * as Ui from "../../src/Ui.ts"
import * as Postgres from "../cluster/postgres.ts"
import * as Processes from "../cluster/processes.ts"
import * as Setting from "../cluster/setting.ts"
import * as Flows from "../executor/flows.ts"
import { browserPath, launch } from "./browser.ts"
import { built } from "./built.ts"
import { accessible, profile, visit } from "./visit.ts"

const bin = fileURLToPath(new URL("../../src/bin.ts", import.meta.url))
const module = fileURLToPath(new URL("../executor/flows.ts", import.meta.url))

const act = <A>(what: () => Promise<A>) => Effect.promise(what)

const isAble = browserPath !== undefined && Postgres.binaries !== undefined
if (!isAble) console.info("Skipped: the workers on the page. It needs chromium and Postgres.")

describe.skipIf(!isAble)("The workers of a cluster on the page", () => {
  it.live("appear when they start, with their flows", () =>
    Effect.gen(function* () {
      yield* built
      const { directory, options } = yield* Setting.Setting
      const store = ["--database", options.database, "--blobs", directory]
      yield* Effect.gen(function* () {
        const { url } = yield* Ui.Server
        const { page } = yield* visit(yield* Effect.flatMap(launch, profile))
        yield* act(async () => {
          await page.goto(`${url}/workers`)
          await page.getByText("No worker was seen in the last minute").waitFor()
        })
        const worker = yield* Processes.run(process.execPath, [
          ...[bin, "worker", "--module", module, "--size", "1", "--log", "json"],
          ...store
        ])
        yield* worker.prints("Working at")
        yield* act(() => page.getByRole("row", { name: /SquaresFlow/ }).waitFor())
        yield* accessible(page)
        yield* Flow.run(Flows.SquaresFlow, { count: 3 })
        yield* act(async () => {
          await page.getByRole("link", { name: "Runs" }).first().click()
          await page.locator(".flow-cell", { hasText: "SquaresFlow" }).waitFor()
          await page.goto("about:blank")
        })
      }).pipe(Effect.provide(Ui.layer({ port: 0 })), Effect.scoped)
    }).pipe(Effect.provide(Setting.layer(0)), Effect.scoped)
  )
})
