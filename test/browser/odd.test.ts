/** Artifacts that are not what they are called, larger than a browser can show, or named as nobody expects. */
import { assert, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Artifact from "../../src/Artifact.ts"
import * as Flow from "../../src/Flow.ts"
import * as Step from "../../src/Step.ts"
import { browserPath } from "./browser.ts"
import { act, open, unseeded } from "./served.ts"
import { expected } from "./visit.ts"

/** Higher than the browser's largest element. */
const rows = 1_400_000
const letters = 250_000
const longName = "a_name_that_goes_on_".repeat(12)

const odd = Step.make("odd", {
  output: {
    noImage: Artifact.bytes("image/png"),
    noJson: Artifact.bytes("application/json"),
    noTable: Artifact.bytes(),
    nothing: Artifact.text(),
    keys: Schema.Record(Schema.String, Schema.Number),
    text: Schema.String,
    tall: Artifact.table({ id: Schema.Int }),
    wide: Artifact.table(Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`c${i}`, Schema.Int]))),
    tensors: Artifact.tensors()
  },
  run: () =>
    Effect.sync(() => ({
      noImage: new TextEncoder().encode("this is no image"),
      noJson: new TextEncoder().encode("{ NaN"),
      noTable: new TextEncoder().encode("PAR1, which is all that it has of Parquet"),
      nothing: "",
      keys: { "": 1, " ": 2, ["k".repeat(3000)]: 3 },
      text: "x".repeat(letters),
      tall: { numRows: rows, columns: { id: Array.from({ length: rows }, (_, i) => i) } },
      wide: { numRows: 1, columns: Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`c${i}`, [i]])) },
      tensors: { tensors: {}, metadata: { ["m".repeat(500)]: "n".repeat(50_000) } }
    }))
})
const named = Step.make(longName, { run: () => Effect.void })
const OddFlow = Flow.make("OddFlow", {
  steps: [odd, named],
  run: Effect.fnUntraced(function* () {
    yield* odd()
    yield* named()
  })
})
const NoTasksFlow = Flow.make("NoTasksFlow", { steps: [], run: () => Effect.void })
const FailingFlow = Flow.make("FailingFlow", {
  steps: [],
  run: () => Effect.fail({ _tag: "Long" as const, message: "line\n".repeat(2000) })
})

const quiet = Effect.provideService(Logger.CurrentLoggers, new Set())

if (browserPath === undefined) {
  console.info(
    "Skipped: odd artifacts in a browser. Install chromium, or set EFFECT_FLOW_TEST_BROWSER to one's program."
  )
  it.skip("odd artifacts in a browser", () => {})
} else {
  layer(unseeded, { excludeTestServices: true, timeout: "300 seconds" })("The page of odd artifacts", (it) => {
    it.effect("shows what they are, and all of them", () =>
      Effect.gen(function* () {
        const { id } = yield* quiet(Flow.run(OddFlow, {}))
        const visited = yield* open(`/runs/${id}/odd/1/noImage`)
        const { page } = visited
        const go = (name: string) => page.goto(`${page.url().split("/odd/1/")[0]}/odd/1/${name}`)
        const fits = async () =>
          assert.isAtMost(Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth")), 0)
        yield* act(async () => {
          await page.getByRole("alert").filter({ hasText: "can't show this image" }).waitFor()
          await page.getByText("this is no image").waitFor()

          await go("noJson")
          await page.getByRole("alert").filter({ hasText: "can't be read" }).waitFor()
          await page.getByText("{ NaN", { exact: true }).waitFor()

          await go("noTable")
          await page.getByRole("alert").filter({ hasText: "can't be read as Parquet" }).waitFor()
          await page.getByText("PAR1, which").waitFor()
        })
        assert.isAtLeast(expected(visited, /table|columns|500/), 2)
        yield* act(async () => {
          await go("nothing")
          await page.getByText("It is empty").waitFor()

          await go("keys")
          await page.getByText('"": ', { exact: true }).waitFor()
          await page.getByText('" ": ', { exact: true }).waitFor()
          await page.getByText(`${"k".repeat(200)}…: `, { exact: true }).waitFor()

          await go("text")
          await page.getByRole("button", { name: "100,000 more of 249,600 letters" }).click()
          await page.getByRole("button", { name: "100,000 more of 150,000 letters" }).click()
          await page.getByRole("button", { name: "50,000 more letters" }).click()
          await page.getByText(`"${"x".repeat(letters)}"`).waitFor()

          await go("tensors")
          await page.getByText("There is no tensor in it").waitFor()
          await fits()
          await page.getByRole("button", { name: "Show 48,000 more letters" }).click()
          await page.getByRole("button", { name: "Show less" }).waitFor()
          await fits()
        })
      })
    )

    it.effect("reaches the last row and the last column of a table, by mouse and by keyboard", () =>
      Effect.gen(function* () {
        const { id } = yield* quiet(Flow.run(OddFlow, {}))
        const { page } = yield* open(`/runs/${id}/odd/1/tall`)
        const table = page.getByRole("table", { name: "Rows" })
        const cell = (text: string) => page.locator("[role='cell']:not(.row-number)").getByText(text, { exact: true })
        const picked = (text: string) => page.locator(".picked").filter({ hasText: text })
        yield* act(async () => {
          await cell("1").first().waitFor()
          await table.focus()
          await page.keyboard.press("Enter")
          await page.keyboard.press("ArrowDown")
          await picked("1").waitFor()
          await page.keyboard.press("Escape")
          await table.evaluate((element) => {
            element.scrollTop = element.scrollHeight
          })
          await cell("1,399,999").click()
          for (let i = 0; i < 40; i++) await page.keyboard.press("ArrowUp")
          await picked("1,399,959").waitFor()
          assert.isTrue(await picked("1,399,959").isVisible())
          for (let i = 0; i < 60; i++) await page.keyboard.press("ArrowDown")
          await picked("1,399,999").waitFor()
          await table.evaluate((element) => {
            element.scrollTop = 0
          })
          await cell("0").first().waitFor()

          await page.goto(page.url().replace("/tall", "/wide"))
          await cell("0").first().waitFor()
          await table.focus()
          await page.keyboard.press("Enter")
          for (let i = 0; i < 59; i++) await page.keyboard.press("ArrowRight")
          await picked("59").waitFor()
          const box = await picked("59").boundingBox()
          const around = await table.boundingBox()
          assert.isAtMost((box?.x ?? 0) + (box?.width ?? 0), (around?.x ?? 0) + (around?.width ?? 0))
        })
      })
    )

    it.effect("has room for long names and messages, and says of a run that it has no tasks", () =>
      Effect.gen(function* () {
        const { id } = yield* quiet(Flow.run(OddFlow, {}))
        const none = yield* quiet(Flow.run(NoTasksFlow, {}))
        yield* quiet(Effect.exit(Flow.run(FailingFlow, {})))
        const { page } = yield* open(`/runs/${id}/${longName}/2`)
        yield* act(async () => {
          await page.getByRole("heading", { level: 1, name: longName }).waitFor()
          assert.isAtMost(Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth")), 0)
          const runs = page.url().split(`${id}/`)[0]
          await page.goto(`${runs}${none.id}`)
          await page.getByText("This run has no tasks").waitFor()
          await page.goto(`${runs}latest`)
          const trouble = page.getByRole("region", { name: "What went wrong" })
          await trouble.getByRole("button", { name: /^Show [\d,]+ more letters/ }).waitFor()
          assert.isAtMost((await trouble.boundingBox())?.height ?? 0, 900)
        })
      })
    )
  })
}
