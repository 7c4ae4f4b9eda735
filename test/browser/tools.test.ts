/** Logs and artifacts as tools: colours, links, filters, search, sorting, statistics, and a viewer for each kind. */
import { assert, it, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Flow from "../../src/Flow.ts"
import * as Ui from "../../src/Ui.ts"
import { browserPath } from "./browser.ts"
import { DrawFlow, ReviewFlow, ToolsFlow } from "./flows.ts"
import { act, open, unseeded } from "./served.ts"
import { accessible, hasCount } from "./visit.ts"

class Made extends Context.Service<Made, { readonly tools: string; readonly review: string }>()("Made") {}

const made = Layer.effect(
  Made,
  Effect.orDie(
    Effect.gen(function* () {
      const tools = yield* Flow.run(ToolsFlow, { records: 60_000 })
      const review = yield* Flow.run(ReviewFlow, { rows: 600, epochs: 2 })
      return { tools: tools.id, review: review.id }
    }).pipe(Effect.provideService(Logger.CurrentLoggers, new Set()))
  )
).pipe(Layer.provideMerge(unseeded))

if (browserPath === undefined) {
  console.info("Skipped: the page's tools. Install chromium, or set EFFECT_FLOW_TEST_BROWSER to one's program.")
  it.skip("the page's tools", () => {})
} else {
  layer(made, { excludeTestServices: true, timeout: "300 seconds" })("The page's tools", (it) => {
    it.effect("show a log in its colours, search it, link its lines, and download it", () =>
      Effect.gen(function* () {
        const { tools } = yield* Made
        const { url } = yield* Ui.Server
        const { page } = yield* open(`/runs/${tools}?view=log`)
        yield* act(async () => {
          const first = page.locator(".line", { hasText: "gathered in one go" })
          await first.waitFor()
          await first.locator(".ansi-2", { hasText: "gathered" }).waitFor()
          await first.locator(".bold", { hasText: "one go" }).waitFor()
          assert.notInclude(await page.locator(".log-scroll").innerText(), "\u001b")
          // The first hit is gone to first.
          await page.getByLabel("Search the log").fill("needle")
          await page.getByText("2 hits").waitFor()
          await page.keyboard.press("Enter")
          await page.getByText("1 of 2", { exact: true }).waitFor()
          await page.locator(".line.current", { hasText: "needle 1" }).waitFor()
          await page.keyboard.press("Enter")
          await page.locator(".line.current", { hasText: "needle 2" }).waitFor()
          await page.keyboard.press("Shift+Enter")
          await page.locator(".line.current", { hasText: "needle 1" }).waitFor()
          await page.getByLabel("Search the log").fill("")
          await page.getByLabel("Task or step").fill("gather")
          await page.keyboard.press("Enter")
          await page.waitForURL(/task=gather/)
          await page.getByLabel("Least level").selectOption("Warn")
          await hasCount(page.locator(".line"), 1)
          // A link to a line is opened with the line marked.
          await page.locator(".line-link").click()
          await page.waitForURL(/line=\d+/)
          await page.reload()
          await page.locator(".line.current", { hasText: "needle 1" }).waitFor()
          const text = await (await page.request.get(`${url}/api/runs/${tools}/log.txt?task=gather/1`)).text()
          assert.match(text, /INFO {2}gather\/1 .*gathered.*\n.*WARN {2}gather\/1/)
        })
        yield* accessible(page)
      })
    )

    it.effect("sort, filter, search and summarize all rows of a table, and copy a cell", () =>
      Effect.gen(function* () {
        const { review } = yield* Made
        const { page } = yield* open(`/runs/${review}/start/1/df`)
        const first = (column: number) =>
          page.locator(".table-row:not(.table-head)").first().locator("[role=cell]").nth(column).innerText()
        yield* act(async () => {
          await page.getByText("600 rows, 3 columns").waitFor()
          await page.getByRole("button", { name: "stars", exact: true }).click()
          await page.waitForURL(/sort=stars/)
          await page.locator("[aria-sort=ascending]").waitFor()
          await page.locator(".table-viewer[aria-busy='false']").waitFor()
          const least = Number(await first(3))
          await page.getByRole("button", { name: /^stars/ }).click()
          await page.locator("[aria-sort=descending]").waitFor()
          await page.locator(".table-viewer[aria-busy='false']").waitFor()
          assert.isAbove(Number(await first(3)), least)
          await page.getByLabel("Column", { exact: true }).selectOption("labels")
          await page.getByLabel("Condition").selectOption("is")
          await page.getByRole("textbox", { name: "Value" }).fill("0")
          await page.getByRole("button", { name: "Filter", exact: true }).click()
          await page.getByText(/^1\d\d of 600 rows$/).waitFor()
          assert.strictEqual(await first(1), "0")
          await page.getByLabel("Find in any column").fill("itchy")
          await page.waitForURL(/find=itchy/)
          await page.getByRole("button", { name: "Statistics" }).click()
          const statistics = page.getByRole("region", { name: "Statistics over all rows" })
          await statistics.getByRole("row", { name: /labels 0 2 0 0\.\d+/ }).waitFor()
          await page.locator(".choices summary").click()
          await page.getByLabel("review", { exact: true }).uncheck()
          await hasCount(page.locator("[role=columnheader]"), 3)
          // The address has all of it.
          await page.reload()
          await page.locator("[aria-sort=descending]").waitFor()
          await hasCount(page.locator("[role=columnheader]"), 3)
          await page.context().grantPermissions(["clipboard-read", "clipboard-write"])
          await page.locator(".table-row:not(.table-head)").first().locator("[role=cell]").nth(2).click()
          await page.getByRole("table", { name: "Rows" }).focus()
          await page.keyboard.press("Control+c")
          await page.getByText(/stars of row \d+ copied/).waitFor()
          assert.match((await page.evaluate("navigator.clipboard.readText()")) as string, /^\d\.\d+$/)
          const csv = await (
            await page.request.get(
              new URL((await page.getByRole("link", { name: "CSV" }).getAttribute("href")) ?? "", page.url()).href
            )
          ).text()
          assert.match(csv, /^labels,stars\r\n0,/)
        })
        yield* accessible(page)
      })
    )

    it.effect("search a large JSON value without standing still", () =>
      Effect.gen(function* () {
        const { tools } = yield* Made
        const { page } = yield* open(`/runs/${tools}/gather/1/tree`)
        yield* act(async () => {
          await page.getByText("60,000").waitFor()
          await page.getByLabel("Search keys and values").fill("user 59987")
          await page.getByText("1 of 1", { exact: true }).waitFor()
          await page.getByText("users[59987].name").waitFor()
          await page.locator(".json .current", { hasText: "user 59987" }).waitFor()
          await page.getByLabel("Search keys and values").fill("found here")
          await page.getByText("needle.deep").waitFor()
        })
        yield* accessible(page)
      })
    )

    it.effect("render Markdown, CSV, code and images, and nothing of them is executed", () =>
      Effect.gen(function* () {
        const { tools } = yield* Made
        const { url } = yield* Ui.Server
        const { page } = yield* open(`/runs/${tools}/gather/1/notes`)
        yield* act(async () => {
          await page.getByRole("group", { name: "Document" }).locator("strong", { hasText: "bold" }).waitFor()
          await page.getByText("<script>alert(1)</script>").waitFor()
          await page.getByRole("button", { name: "Source" }).click()
          await page.getByText("- one").waitFor()
          await page.goto(`${url}/runs/${tools}/gather/1/people`)
          await page.getByRole("cell", { name: "Lovelace, Ada" }).waitFor()
          await page.getByText("2 rows, 2 columns").waitFor()
          await page.goto(`${url}/runs/${tools}/gather/1/script`)
          await page.locator(".code-keyword", { hasText: "def" }).waitFor()
          await page.locator(".code-comment", { hasText: "# says hello" }).waitFor()
          await page.goto(`${url}/runs/${tools}/gather/1/picture`)
          await page.getByRole("img", { name: "The artifact picture" }).waitFor()
        })
      })
    )

    it.effect("show images side by side: of one task, of several, and of two runs", () =>
      Effect.gen(function* () {
        const { url } = yield* Ui.Server
        const { id } = yield* Flow.run(DrawFlow, {})
        const other = yield* Flow.run(DrawFlow, { shades: [41, 120] })
        const { page } = yield* open(`/runs/${id}/draw/1/picture`)
        /** The widths of the images as they were written, once all are there. */
        const widths = (count: number) =>
          page.evaluate(
            `new Promise((done) => { const look = () => { const all = [...document.querySelectorAll("main img")]; all.length === ${count} && all.every((one) => one.naturalWidth > 0) ? done(all.map((one) => one.naturalWidth)) : requestAnimationFrame(look) }; look() })`
          )
        yield* act(async () => {
          assert.deepStrictEqual(await widths(1), [160])
          const chooser = page.getByLabel("Show another image beside this one")
          await chooser.selectOption("draw/3/picture")
          assert.deepStrictEqual(await widths(2), [160, 320])
          await chooser.selectOption("draw/1/mask")
          assert.deepStrictEqual(await widths(3), [160, 320, 60])
          await page.waitForURL(/beside=/)
          await page.reload()
          assert.deepStrictEqual(await widths(3), [160, 320, 60])
          await page.setViewportSize({ width: 390, height: 844 })
          assert.isAtMost(
            (await page.evaluate(
              "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )) as number,
            0
          )
          await page.setViewportSize({ width: 1440, height: 900 })
        })
        yield* accessible(page)
        yield* act(async () => {
          await page.getByRole("button", { name: "Remove draw/3/picture" }).click()
          assert.deepStrictEqual(await widths(2), [160, 60])
          await page.getByRole("link", { name: "draw/1/mask" }).click()
          await page.getByRole("heading", { level: 1, name: "mask" }).waitFor()
          assert.deepStrictEqual(await widths(1), [60])
          await page.goto(`${url}/compare/${id}/${other.id}`)
          await page
            .getByRole("img", { name: /picture.* of run A/ })
            .first()
            .waitFor()
          await page
            .getByRole("img", { name: /picture.* of run B/ })
            .first()
            .waitFor()
        })
      }).pipe(Effect.provideService(Logger.CurrentLoggers, new Set()))
    )

    it.effect("show a dataset with its parts, and the rows of each", () =>
      Effect.gen(function* () {
        const { tools } = yield* Made
        const { page } = yield* open(`/runs/${tools}/gather/1/visits`)
        yield* act(async () => {
          await page.getByText("100 rows in 3 parts").waitFor()
          await page.getByRole("row", { name: /3 20 .*20 … 24\.75/ }).waitFor()
          await page.getByText("40 rows, 2 columns").waitFor()
          await page.getByRole("group", { name: "Parts" }).getByRole("button", { name: "3" }).click()
          await page.getByText("20 rows, 2 columns").waitFor()
        })
        yield* accessible(page)
      })
    )

    it.effect("show a model with its history and terms, and score a text", () =>
      Effect.gen(function* () {
        const { tools } = yield* Made
        const { page } = yield* open(`/runs/${tools}/learn/2/model`)
        yield* act(async () => {
          await page.getByRole("region", { name: "History" }).getByRole("img", { name: /^Loss/ }).waitFor()
          await page.getByRole("list", { name: "Terms for label 1" }).getByText("lovely").waitFor()
          await page.getByRole("list", { name: "Terms for label 0" }).getByText("itchy").waitFor()
          await page.getByLabel("Text to score").fill("a lovely dress")
          const effects = page.getByRole("list", { name: "Effects of the terms" })
          await effects.getByText("lovely").waitFor()
          const score = async () => Number(await page.getByRole("list", { name: "Scores" }).locator("b").innerText())
          const good = await score()
          await page.getByLabel("Text to score").fill("an itchy thing")
          await effects.getByText("itchy").waitFor()
          assert.isBelow(await score(), good)
        })
        yield* accessible(page)
      })
    )
  })
}
