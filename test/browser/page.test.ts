/**
 * The page in a real browser, over real runs: every view, by mouse and by keyboard, in both themes, with nothing on the
 * console, no request that fails and no serious finding of axe.
 */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { RunStore } from "../../src/RunStore.ts"
import * as Storage from "../../src/Storage.ts"
import * as Ui from "../../src/Ui.ts"
import { browserPath } from "./browser.ts"
import { act, Directory, Opened, open, Seeded, served } from "./served.ts"
import { accessible, expected, hasCount, visit } from "./visit.ts"

if (browserPath === undefined) {
  console.info("Skipped: the page in a browser. Install chromium, or set EFFECT_FLOW_TEST_BROWSER to one's program.")
  it.skip("the page in a browser", () => {})
} else {
  layer(served, { excludeTestServices: true, timeout: "300 seconds" })("The page in a browser", (it) => {
    describe("runs", () => {
      it.effect("are listed, filtered, and found by name", () =>
        Effect.gen(function* () {
          const { first, review } = yield* Seeded
          const visited = yield* open("/")
          const { page } = visited
          yield* act(async () => {
            await page.locator(`[data-run='${review}']`).waitFor()
            await hasCount(page.locator("[data-run]"), 6)
            await page.getByLabel("Status").selectOption("failed")
            await page.waitForURL(/status=failed/)
            await page.locator("[data-run]").nth(1).waitFor({ state: "detached" })
            assert.match(await page.locator("[data-run]").innerText(), /failed[\s\S]*models\.example did not answer/)
            await page.getByRole("button", { name: "Clear" }).click()
            await page.getByLabel("Tag").fill("deployment_candidate")
            await page.keyboard.press("Enter")
            await page.locator(`[data-run='${first}']`).waitFor({ state: "detached" })
            await hasCount(page.locator("[data-run]"), 2)
            await page.getByLabel("Tag").fill("nobody")
            await page.keyboard.press("Enter")
            await page.getByText("No run matches").waitFor()
            await page.getByRole("button", { name: "Show all runs" }).click()
            await page.keyboard.press("/")
            await page.keyboard.type(`${review}/train/model`)
            await page.keyboard.press("Enter")
            await page.getByRole("heading", { level: 1, name: "model" }).waitFor()
            await page.keyboard.press("/")
            await page.keyboard.type("nowhere/at/all")
            await page.keyboard.press("Enter")
            await page.getByRole("alert").filter({ hasText: "nowhere" }).waitFor()
          })
          assert.strictEqual(expected(visited, /find|404/), 2)
        })
      )

      it.effect("are gone through, opened and compared by keyboard alone", () =>
        Effect.gen(function* () {
          const { first, review } = yield* Seeded
          const { page } = yield* open("/?flow=ReviewFlow")
          yield* act(async () => {
            await page.locator(`[data-run='${first}']`).waitFor()
            for (const key of ["j", "j", "x", "ArrowDown", "x", "c"]) await page.keyboard.press(key)
            await page.waitForURL(`**/compare/${first}/${review}`)
            await page.getByRole("heading", { level: 1, name: "Two runs" }).waitFor()
            await page.keyboard.press("r")
            await page.locator("[data-run]").first().waitFor()
            await page.keyboard.press("j")
            await page.keyboard.press("Enter")
            await page.locator(".graph").waitFor()
            await page.keyboard.press("?")
            await page.getByRole("dialog", { name: "Keys" }).waitFor()
            await page.keyboard.press("Escape")
            await page.getByRole("dialog", { name: "Keys" }).waitFor({ state: "hidden" })
            await page.keyboard.press("2")
            await page.getByRole("tab", { name: /Log/, selected: true }).waitFor()
          })
        })
      )

      it.effect("say what to type where there is none", () =>
        Effect.gen(function* () {
          const visited = yield* visit(yield* Opened)
          yield* Effect.gen(function* () {
            const { url } = yield* Ui.Server
            yield* act(async () => {
              await visited.page.goto(url)
              await visited.page.getByText("No run yet").waitFor()
              await visited.page.getByText("effect-flow run --module FILE").waitFor()
            })
            yield* accessible(visited.page)
            yield* act(() => visited.page.goto("about:blank"))
          }).pipe(Effect.provide(Ui.layer({ port: 0 })), Effect.provide(Storage.layerMemory))
        })
      )
    })

    describe("a run", () => {
      it.effect("has its graph: what it took over, what an edge carries, what is selected", () =>
        Effect.gen(function* () {
          const { resumed } = yield* Seeded
          const { page } = yield* open(`/runs/${resumed}`)
          yield* act(async () => {
            await page.locator("[data-task='end/5']").waitFor()
            await hasCount(page.locator("[data-task]"), 5)
            assert.match(await page.locator("[data-task='start/1']").innerText(), /taken over/)
            assert.notMatch(await page.locator("[data-task='train/3']").innerText(), /taken over/)
            await page.locator(".react-flow__edge").nth(4).waitFor({ state: "attached" })
            await hasCount(page.locator(".react-flow__edge"), 5)
            await page.locator("[data-task='train/3'] .node-body").click()
            await page.waitForURL(/at=train%2F3/)
            const labels = page.locator(".edge-label")
            await labels.first().waitFor()
            assert.sameMembers(await labels.allInnerTexts(), ["df", "model"])
            await page.locator(".wf-row.selected[data-row='train/3']").waitFor()
            await page.getByRole("region", { name: "train/3" }).getByText("Open").click()
            await page.getByRole("heading", { level: 1, name: "train/3" }).waitFor()
          })
        })
      )

      it.effect("draws a fan-out as one node with its counts, which opens and closes", () =>
        Effect.gen(function* () {
          const { sweep } = yield* Seeded
          const { page } = yield* open(`/runs/${sweep}`)
          yield* act(async () => {
            await page.locator("[data-step='score']").waitFor()
            assert.match(await page.locator("[data-step='score']").innerText(), /×24[\s\S]*24/)
            await hasCount(page.locator("[data-task]"), 2)
            await page.getByRole("button", { name: "Open score" }).click()
            await page.locator("[data-task='score/25']").waitFor()
            await hasCount(page.locator("[data-task]"), 26)
            // Opening a step is no move of the graph: it is fitted again, so that every task can be seen.
            const graph = await page.locator(".graph").boundingBox()
            for (const node of await page.locator("[data-task]").all()) {
              const box = await node.boundingBox()
              assert.isAtLeast(box?.y ?? 0, graph?.y ?? 0)
              assert.isAtMost((box?.y ?? 0) + (box?.height ?? 0), (graph?.y ?? 0) + (graph?.height ?? 0))
            }
            await page.getByRole("button", { name: "Close score" }).first().click()
            await page.locator("[data-step='score']").waitFor()
          })
        })
      )

      it.effect("has a waterfall on the same selection, zoomed and walked by keyboard", () =>
        Effect.gen(function* () {
          const { review } = yield* Seeded
          const { page } = yield* open(`/runs/${review}`)
          yield* act(async () => {
            await page.locator("[data-row='start/1']").waitFor()
            await page.keyboard.press("j")
            await page.locator(".node.selected[data-task='start/1']").waitFor()
            await page.keyboard.press("j")
            await page.locator(".wf-row.selected[data-row='baseline/2']").waitFor()
            const before = await page.locator(".wf-time").innerText()
            await page.keyboard.press("+")
            await page.keyboard.press("+")
            assert.notStrictEqual(await page.locator(".wf-time").innerText(), before)
            await page.keyboard.press("ArrowRight")
            await page.keyboard.press("0")
            assert.strictEqual(await page.locator(".wf-time").innerText(), before)
            await page.keyboard.press("Enter")
            await page.getByRole("heading", { level: 1, name: "baseline/2" }).waitFor()
          })
        })
      )

      it.effect("that failed has the task that failed first, why, and how to go on", () =>
        Effect.gen(function* () {
          const { page } = yield* open("/?status=failed")
          yield* act(async () => {
            await page.locator("[data-run] a.mono").click()
            const trouble = page.getByRole("region", { name: "What went wrong" })
            await trouble.waitFor()
            assert.match(
              await trouble.innerText(),
              /score\/9 failed first[\s\S]*models\.example did not answer for item 7; is it up\?[\s\S]*resume/
            )
            await trouble.getByRole("link").click()
            await page.getByRole("heading", { level: 1, name: "score/9" }).waitFor()
            await hasCount(page.getByRole("region", { name: "Attempts" }).locator("li"), 2)
            await page.getByText("no answer for item 7").first().waitFor()
          })
        })
      )

      it.effect("shows its metrics and cards", () =>
        Effect.gen(function* () {
          const { review } = yield* Seeded
          const { page } = yield* open(`/runs/${review}?view=metrics`)
          yield* act(async () => {
            await page.getByRole("img", { name: /^loss\. Last values: loss 0\.29\d+, val_loss 0\.35/ }).waitFor()
            await hasCount(page.locator(".u-over"), 2)
            await page.getByRole("tab", { name: /Cards/ }).click()
            const card = page.getByRole("region", { name: "Card of join/4" })
            await card.waitFor()
            assert.match(
              await card.innerText(),
              /Evaluation[\s\S]*beats[\s\S]*87\.2%[\s\S]*Loss[\s\S]*Confusion[\s\S]*1,643[\s\S]*Most influential words/
            )
            assert.strictEqual(await card.locator("strong").innerText(), "beats")
          })
        })
      )
    })

    describe("a task", () => {
      it.effect("has what it was given and wrote, its card, why it ran, and what to type", () =>
        Effect.gen(function* () {
          const { resumed } = yield* Seeded
          const { page } = yield* open(`/runs/${resumed}/train/3`)
          yield* act(async () => {
            const inputs = page.getByRole("region", { name: "Inputs" })
            await inputs.getByText("epochs").waitFor()
            await inputs.locator("code", { hasText: /^12$/ }).waitFor()
            await inputs.getByRole("button", { name: "Preview of df" }).click()
            await inputs.getByRole("table").getByText("labels").waitFor()
            assert.match(await page.getByRole("region", { name: "Why" }).innerText(), /executed: input epochs differs/)
            await page.getByRole("region", { name: "Card" }).getByText("12 of 12").waitFor()
            await page.getByText(`npx effect-flow why ${resumed}/train/3`).waitFor()
            await page.getByText("validation loss no longer falls").waitFor()
          })
        })
      )

      it.effect("that was taken over shows the log and the card of the one that ran", () =>
        Effect.gen(function* () {
          const { resumed } = yield* Seeded
          const { page } = yield* open(`/runs/${resumed}/start/1`)
          yield* act(async () => {
            await page.getByText("taken over", { exact: true }).first().waitFor()
            await page.getByText("num of rows: 6000").waitFor()
          })
        })
      )

      it.effect("has a log of 100,000 lines that is searched and filtered", () =>
        Effect.gen(function* () {
          const { flood } = yield* Seeded
          const { page } = yield* open(`/runs/${flood}/chatter/1`)
          yield* act(async () => {
            await page.getByText("100,000 lines").waitFor()
            await page.keyboard.press("s")
            await page.keyboard.type("line 77777 ")
            await page.getByText("1 hit", { exact: true }).waitFor()
            await page.keyboard.press("Enter")
            await page.locator(".line.current mark").waitFor()
            assert.strictEqual(await page.locator(".line.current mark").innerText(), "line 77777 ")
            await page.keyboard.press("Escape")
            await page.getByLabel("Least level").selectOption("warn")
            await page.getByText("100 of 100,000 lines").waitFor()
            await page.getByLabel("Lines").focus()
            await page.keyboard.press("End")
            await page.getByText("line 100000: a thousand more").waitFor()
          })
        })
      )
    })

    describe("an artifact", () => {
      it.effect("that is a table has pages, kinds, histograms and whole rows", () =>
        Effect.gen(function* () {
          const { review } = yield* Seeded
          const { page } = yield* open(`/runs/${review}/start/1/df`)
          yield* act(async () => {
            const table = page.getByRole("table", { name: "Rows" })
            await table.getByText("0: ").first().waitFor()
            await page.getByText("6,000 rows, 3 columns").waitFor()
            await hasCount(table.getByRole("img", { name: /Histogram/ }), 3)
            await page.getByText("✓ verified").waitFor()
            await table.focus()
            await page.keyboard.press("End")
            await table.getByText(/^5999: /).waitFor()
            await table.getByRole("button", { name: "5,999" }).click()
            await page
              .getByRole("dialog")
              .getByText(/^5999: /)
              .waitFor()
          })
        })
      )

      it.effect("that is a model has its tensors, options and vocabulary", () =>
        Effect.gen(function* () {
          const { review } = yield* Seeded
          const { page } = yield* open(`/runs/${review}/train/3/model`)
          yield* act(async () => {
            await page.getByRole("row", { name: /kernel.*10 × 15.*F32/ }).waitFor()
            await page.getByRole("region", { name: "options" }).getByText("hidden").waitFor()
            await page.getByLabel("Find a term").fill("itch")
            await page.getByText("1 of 10 terms").waitFor()
            await page.getByText("itchy").waitFor()
            await page.getByRole("region", { name: "Used in" }).getByText("join/4").waitFor()
          })
        })
      )

      it.effect("that is HTML is text, and nothing else", () =>
        Effect.gen(function* () {
          const { review } = yield* Seeded
          const { page } = yield* open(`/runs/${review}/end/5/page`)
          yield* act(async () => {
            await page.getByText('<script>document.title = "taken over"</script>').waitFor()
            assert.match(await page.title(), /^page · effect-flow$/)
            await hasCount(page.locator("main script"), 0)
          })
        })
      )

      it.effect("that was altered on disk is said to be", () =>
        Effect.gen(function* () {
          const directory = yield* Directory
          const store = yield* RunStore
          const { review } = yield* Seeded
          const [start] = yield* store.tasks({ run: review, id: "start/1" })
          const digest = start?.outputs.find(({ name }) => name === "df")?.digest ?? ""
          const file = Path.join(directory, "blobs", digest.slice(0, 2), digest)
          const bytes = yield* act(() => Fs.readFile(file))
          const altered = Buffer.from(bytes)
          altered[30_000] = (altered[30_000] ?? 0) ^ 255
          yield* act(() => Fs.chmod(file, 0o644))
          yield* act(() => Fs.writeFile(file, altered))
          const visited = yield* open(`/artifacts/${digest}`)
          yield* act(async () => {
            await visited.page
              .getByRole("alert")
              .filter({ hasText: digest.slice(0, 8) })
              .waitFor()
          })
          assert.isAbove(expected(visited, /409|500/), 0)
          yield* act(() => Fs.writeFile(file, bytes))
        })
      )
    })

    it.effect("What is not there is said not to be, with a way back", () =>
      Effect.gen(function* () {
        const { review } = yield* Seeded
        const said = {
          "/runs/nothing": "There is no such run",
          [`/runs/${review}/train/99`]: "There is no such task",
          [`/runs/${review}/train/3/nothing`]: "There is no artifact nothing here",
          [`/artifacts/${"0".repeat(64)}`]: "There is no such artifact",
          "/artifacts/nothing": "There is no such artifact",
          "/compare/nothing/latest": "There is no such run",
          "/nowhere/at/all": "There is nothing at this address"
        }
        for (const [path, sentence] of Object.entries(said)) {
          const visited = yield* open(path)
          yield* act(() => visited.page.getByRole("heading", { name: sentence }).waitFor())
          yield* act(() => visited.page.getByRole("main").getByRole("link").first().waitFor())
          expected(visited, /40[04]/)
        }
      }).pipe(Effect.scoped)
    )

    it.effect("Two runs are compared", () =>
      Effect.gen(function* () {
        const { first, review } = yield* Seeded
        const { page } = yield* open(`/compare/${first}/${review}`)
        yield* act(async () => {
          await page.getByRole("row", { name: /rows 800 6000/ }).waitFor()
          await page.getByRole("row", { name: /train\/loss 0\.33\d+ 0\.29\d+ −0\.0/ }).waitFor()
          await page.getByRole("img", { name: /^loss\. Last values: A 0\.33\d+, B 0\.29/ }).waitFor()
          await page.getByRole("row", { name: /start\/df/ }).waitFor()
          await page.getByLabel(/show what is the same/).check()
          await page.getByRole("row", { name: /pause 0 0 =/ }).waitFor()
        })
      })
    )

    it.effect("Both themes can be read by everybody, in every view", () =>
      Effect.gen(function* () {
        const { first, flood, review, sweep } = yield* Seeded
        const failed = yield* Effect.flatMap(RunStore, (store) => store.runs({ status: "failed", limit: 1 }))
        const views: ReadonlyArray<readonly [path: string, seen: string]> = [
          ["/", "[data-run]"],
          [`/runs/${review}?at=train%2F3`, ".edge-label"],
          [`/runs/${sweep}`, "[data-step]"],
          [`/runs/${failed[0]?.id}`, ".trouble"],
          [`/runs/${review}?view=log`, ".line"],
          [`/runs/${review}?view=metrics`, ".u-over"],
          [`/runs/${review}?view=cards`, ".heatmap"],
          [`/runs/${review}/train/3`, ".line"],
          [`/runs/${flood}/chatter/1`, ".line"],
          [`/runs/${review}/start/1/df`, ".histogram"],
          [`/runs/${review}/train/3/model`, ".terms"],
          [`/compare/${first}/${review}`, ".comparison"]
        ]
        for (const colorScheme of ["light", "dark"] as const) {
          const { page } = yield* open("/", colorScheme)
          for (const [path, seen] of views) {
            const { url } = yield* Ui.Server
            yield* act(async () => {
              await page.goto(url + path)
              await page.locator(seen).first().waitFor()
            })
            yield* accessible(page)
          }
          const paper = yield* act(() => page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
          assert.strictEqual(paper, colorScheme === "dark" ? "rgb(16, 17, 19)" : "rgb(246, 246, 243)")
        }
      }).pipe(Effect.scoped)
    )

    it.effect("A theme that was chosen is kept", () =>
      Effect.gen(function* () {
        const { page } = yield* open("/")
        yield* act(async () => {
          await page.locator("[data-run]").first().waitFor()
          await page.keyboard.press("t")
          await page.getByRole("button", { name: "Theme: light" }).waitFor()
          await page.keyboard.press("t")
          await page.reload()
          await page.getByRole("button", { name: "Theme: dark" }).waitFor()
          assert.strictEqual(
            await page.evaluate("getComputedStyle(document.documentElement).backgroundColor"),
            "rgb(16, 17, 19)"
          )
          await page.keyboard.press("t")
        })
      })
    )
  })
}
