/**
 * Takes the pictures of the README: the page over real runs of `examples/branch.ts`, in `examples/screenshots`. Run it with
 * `npx tsx test/browser/screenshots.ts` after the page has changed.
 */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import type { Page } from "playwright-core"
import { temporaryDirectory } from "../support/directory.ts"
import { browserPath, launch } from "./browser.ts"
import { built } from "./built.ts"
import { serve } from "./processes.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))
const pictures = fileURLToPath(new URL("../../examples/screenshots/", import.meta.url))
const loader = new URL("../../node_modules/tsx/dist/loader.mjs", import.meta.url).href

/** A verb of an example, as a user types it. */
const example = (name: string, ...words: ReadonlyArray<string>) =>
  Effect.promise(() =>
    promisify(execFile)(process.execPath, ["--import", loader, `examples/${name}.ts`, ...words], { cwd: root })
  )

const picture = (page: Page, name: string, height: number) =>
  Effect.promise(async () => {
    await page.setViewportSize({ width: 1360, height })
    await page.waitForTimeout(700)
    await page.screenshot({ path: `${pictures}${name}.png` })
    console.log(`examples/screenshots/${name}.png`)
  })

const go = (page: Page, url: string, seen: string) =>
  Effect.promise(async () => {
    await page.goto(url)
    await page.locator(seen).first().waitFor()
  })

const take = Effect.gen(function* () {
  if (browserPath === undefined) return console.log("There is no chromium here: no picture was taken.")
  yield* built
  const directory = yield* temporaryDirectory
  // The first run makes the data set; the pictures are of runs on its files by relative paths.
  yield* example("branch", "run", "--directory", `${directory}/made`)
  const given = [
    "--train-file",
    "examples/data/reviews-train.parquet",
    "--valid-file",
    "examples/data/reviews-valid.parquet"
  ]
  for (const name of ["branch", "sweep", "nlp", "branch"])
    yield* example(name, "run", "--directory", directory, ...given)
  const { url } = yield* serve(directory, 0, ".effect-flow")
  const browser = yield* launch
  const page = yield* Effect.promise(() => browser.newPage({ colorScheme: "light" }))
  const answer = yield* Effect.promise(() => page.goto(`${url}/api/runs`))
  const { runs } = (yield* Effect.promise(() => answer?.json() ?? Promise.resolve({ runs: [] }))) as {
    readonly runs: ReadonlyArray<{ readonly id: string; readonly flow: string }>
  }
  const runOf = (flow: string) => `${url}/runs/${runs.find((run) => run.flow === flow)?.id}`
  const branch = runOf("BranchNLPFlow")

  yield* go(page, `${branch}?at=train%2F3`, ".u-over")
  yield* picture(page, "run", 820)
  yield* go(page, `${branch}?view=cards`, ".heatmap")
  yield* picture(page, "card", 1400)
  yield* Effect.promise(() => page.emulateMedia({ colorScheme: "dark" }))
  yield* go(page, `${branch}/start/1/df`, ".histogram")
  yield* picture(page, "table", 720)
  yield* go(page, url, "[data-run]")
  yield* picture(page, "runs", 420)
}).pipe(Effect.scoped)

NodeRuntime.runMain(take)
