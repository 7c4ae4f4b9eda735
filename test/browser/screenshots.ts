/**
 * Takes the pictures of the README: the page over real runs of the examples, in both themes and three widths, in
 * `examples/screenshots`. Run it with `npm run screenshots` after the page has changed.
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
    promisify(execFile)(
      process.execPath,
      ["--conditions=effect-flow-source", "--import", loader, `examples/${name}.ts`, ...words],
      { cwd: root }
    )
  )

/** A picture: where, what must be seen, how large, and in which theme. */
interface Picture {
  readonly name: string
  readonly path: string
  readonly seen: string
  readonly size: readonly [width: number, height: number]
  readonly theme: "light" | "dark"
  /** What to do before the picture is taken. */
  readonly act?: (page: Page) => Promise<void>
}

const takePicture = (page: Page, url: string, { act, name, path, seen, size, theme }: Picture) =>
  Effect.promise(async () => {
    const [width, height] = size
    await page.emulateMedia({ colorScheme: theme })
    await page.setViewportSize({ width, height })
    await page.goto(url + path)
    await page.locator(seen).first().waitFor()
    await act?.(page)
    // Charts and the graph take their size a moment after they appear.
    await page.waitForTimeout(700)
    await page.screenshot({ path: `${pictures}${name}.png` })
    console.log(`examples/screenshots/${name}.png`)
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
  const runOf = (flow: string) => `/runs/${runs.find((run) => run.flow === flow)?.id}`
  const branch = runOf("BranchNLPFlow")
  const sweep = runOf("SweepFlow")
  const model = `${branch}/train/3/model`
  const nlp = runOf("NLPFlow")
  const idOf = (path: string) => path.split("/").at(-1)
  const desk = [1360, 820] as const
  const phone = [390, 844] as const
  const views: ReadonlyArray<Picture> = [
    { name: "runs", path: "/", seen: "[data-run]", size: [1360, 420], theme: "dark" },
    { name: "run", path: `${branch}?at=train%2F3`, seen: ".u-over", size: desk, theme: "light" },
    { name: "card", path: `${branch}?view=cards`, seen: ".heatmap", size: [1360, 1400], theme: "light" },
    { name: "table", path: `${branch}/start/1/df`, seen: ".histogram", size: [1360, 720], theme: "dark" },
    { name: "log", path: `${branch}?view=log`, seen: ".line", size: [1360, 620], theme: "light" },
    {
      name: "model",
      path: model,
      seen: ".effects li",
      size: [1360, 900],
      theme: "light",
      act: async (page) => {
        await page.getByLabel("Text to score").fill("I love this dress, but the fabric is cheap and I returned it")
        await page.getByRole("list", { name: "Effects of the terms" }).locator("li").nth(2).waitFor()
      }
    },
    { name: "sweep", path: sweep, seen: ".node", size: desk, theme: "dark" },
    { name: "task", path: `${branch}/train/3`, seen: ".line", size: [1360, 1000], theme: "light" },
    {
      name: "compare",
      path: `/compare/${idOf(nlp)}/${idOf(branch)}`,
      seen: ".comparison",
      size: [1360, 900],
      theme: "dark"
    },
    {
      name: "palette",
      path: branch,
      seen: ".node",
      size: [1024, 700],
      theme: "light",
      act: async (page) => {
        await page.keyboard.press("Control+k")
        await page.keyboard.type("tr")
        await page.getByRole("option").nth(2).waitFor()
      }
    },
    { name: "phone-run", path: branch, seen: ".u-over", size: phone, theme: "light" },
    { name: "phone-runs", path: "/", seen: "[data-run]", size: phone, theme: "dark" }
  ]
  for (const view of views) yield* takePicture(page, url, view)
}).pipe(Effect.scoped)

NodeRuntime.runMain(take)
