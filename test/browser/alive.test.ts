/** The page is never blank, costs one connection however many tabs are open, and keeps its place on the way back. */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Page } from "playwright-core"
import { RunStore } from "../../src/RunStore.ts"
import * as Ui from "../../src/Ui.ts"
import { putRun, putTask, run, task } from "../conformance/records.ts"
import { browserPath } from "./browser.ts"
import { makeLink } from "./link.ts"
import { serve, stop } from "./processes.ts"
import { act, Directory, Opened, open, Seeded, served } from "./served.ts"
import { accessible, expected, hasCount, visit, waitLimitMs } from "./visit.ts"

const lost = /ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY|Failed to (load|fetch)|404/

/** Makes a page believe that it is hidden, or shown: a browser without windows never hides one. */
const setHidden = (page: Page, hidden: boolean) =>
  page.evaluate(
    `Object.defineProperty(document, "hidden", { configurable: true, value: ${hidden} }); document.dispatchEvent(new Event("visibilitychange"))`
  )

const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  const end = Date.now() + waitLimitMs
  while (!(await holds())) {
    assert.isBelow(Date.now(), end, "what was waited for did not come")
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

if (browserPath === undefined) {
  console.info("Skipped: the page alive. Install chromium, or set EFFECT_FLOW_TEST_BROWSER to one's program.")
  it.skip("the page alive", () => {})
} else {
  layer(served, { excludeTestServices: true, timeout: "300 seconds" })("The page", (it) => {
    it.effect(
      "says in every view that the server is gone, and shows a view that it could not load once the server is back",
      () =>
        Effect.gen(function* () {
          const directory = yield* Directory
          const { first, review } = yield* Seeded
          const { child, url } = yield* serve(directory)
          const paths = [
            "/",
            `/runs/${review}`,
            `/runs/${review}/train/3`,
            `/runs/${review}/start/1/df`,
            `/compare/${first}/${review}`
          ]
          const visits = yield* Effect.forEach(paths, () => Effect.flatMap(Opened, (context) => visit(context)))
          yield* Effect.forEach(visits, ({ page }, i) =>
            act(async () => {
              await page.goto(url + paths[i])
              await page.getByRole("heading", { level: 1 }).first().waitFor()
            })
          )
          yield* stop(child, "SIGKILL")
          for (const { page } of visits) {
            yield* act(() => page.getByText("No connection to the server since").waitFor())
            yield* act(() => page.getByRole("heading", { level: 1 }).first().waitFor())
          }
          const [list] = visits
          assert(list !== undefined)
          yield* act(async () => {
            await list.page.getByRole("link", { name: "Workers" }).click()
            await list.page.getByText("could not be loaded, because the server can't be reached").waitFor()
            await list.page.getByRole("button", { name: "Try again" }).waitFor()
          })
          yield* accessible(list.page)
          yield* serve(directory, Number(new URL(url).port))
          yield* act(() => list.page.getByText("No worker was seen in the last minute").waitFor())
          for (const one of visits) {
            yield* act(() => one.page.getByText("No connection to the server since").waitFor({ state: "detached" }))
            yield* act(() => one.page.goto("about:blank"))
            expected(one, lost)
          }
        }).pipe(Effect.scoped)
    )

    it.effect("offers a reload where the server has another version of the page", () =>
      Effect.gen(function* () {
        const { url } = yield* Ui.Server
        const { review } = yield* Seeded
        const link = yield* makeLink(url, 0)
        const visited = yield* visit(yield* Opened)
        const { page } = visited
        yield* act(async () => {
          await page.goto(link.url)
          await page.locator(`[data-run='${review}']`).waitFor()
          link.missing.push(/^\/assets\/.*\.js/)
          await page.locator(`[data-run='${review}'] a.mono`).click()
          await page.getByText("the server has another version of the page").waitFor()
          link.missing.length = 0
          await page.getByRole("button", { name: "Reload the page" }).click()
          await page.locator("[data-task='train/3']").waitFor()
          await page.goto("about:blank")
        })
        expected(visited, lost)
      }).pipe(Effect.scoped)
    )

    it.effect("has one stream of events for all its tabs, and none for hidden ones", () =>
      Effect.gen(function* () {
        const { url } = yield* Ui.Server
        const { first, review, resumed, sweep } = yield* Seeded
        const link = yield* makeLink(url, 0)
        const runs = [first, review, resumed, sweep, first, review, resumed, sweep]
        const visits = yield* Effect.forEach(runs, () => Effect.flatMap(Opened, (context) => visit(context)))
        yield* Effect.forEach(visits, ({ page }, i) =>
          act(async () => {
            await page.goto(`${link.url}/runs/${runs[i]}`)
            await page.locator(".node").first().waitFor()
          })
        )
        yield* act(() => until(() => link.counts.streams === 1))
        // A new stream is open before the old one is closed, and the next may arrive before the end of the first is seen.
        assert.isAtMost(link.counts.mostStreams, 3)
        yield* Effect.forEach(visits, ({ page }) => act(() => setHidden(page, true)))
        yield* act(() => until(() => link.counts.streams === 0))
        yield* Effect.forEach(visits.slice(0, 1), ({ page }) => act(() => setHidden(page, false)))
        yield* act(() => until(() => link.counts.streams === 1))
        yield* Effect.forEach(visits, ({ page }) => act(() => page.goto("about:blank")))
      }).pipe(Effect.scoped)
    )

    it.effect("has a stream of its own where a browser has no shared workers, or can't start one", () =>
      Effect.gen(function* () {
        const { url } = yield* Ui.Server
        const store = yield* RunStore
        for (const without of [
          "delete window.SharedWorker",
          // A worker whose program can't be loaded.
          "window.SharedWorker = class extends SharedWorker { constructor() { super('/assets/missing.js', { type: 'module' }) } }"
        ]) {
          const link = yield* makeLink(url, 0)
          const visits = yield* Effect.forEach([1, 2], () => Effect.flatMap(Opened, (context) => visit(context)))
          yield* store.write([putRun(run("0own", { status: "running", host: "elsewhere", heartbeatAt: Date.now() }))])
          for (const visited of visits) {
            yield* act(async () => {
              await visited.page.addInitScript(without)
              await visited.page.goto(link.url, { waitUntil: "commit" })
              await visited.page.locator("[data-run='0own'] .status.running").waitFor()
            })
          }
          yield* act(() => until(() => link.counts.streams === 2))
          yield* store.write([putRun(run("0own", { status: "succeeded", finishedAt: 2000 }))])
          for (const visited of visits) {
            yield* act(async () => {
              await visited.page.locator("[data-run='0own'] .status.succeeded").waitFor()
              await setHidden(visited.page, true)
            })
          }
          yield* act(() => until(() => link.counts.streams === 0))
          for (const visited of visits) {
            yield* act(async () => {
              await setHidden(visited.page, false)
              await visited.page.goto("about:blank")
            })
            expected(visited, /missing\.js|Failed to (load|fetch)/)
          }
          yield* store.remove(["0own"])
        }
      }).pipe(Effect.scoped)
    )

    it.effect("keeps scroll, selection and tab on the way back and forward", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const { review } = yield* Seeded
        const ids = Array.from({ length: 350 }, (_, i) => `0${String(i).padStart(4, "0")}`)
        yield* store.write(ids.map((id) => putRun(run(id, { flow: "Many", status: "succeeded", finishedAt: 2000 }))))
        const { page } = yield* open("/")
        const position = () => page.evaluate("window.scrollY") as Promise<number>
        yield* act(async () => {
          await page.locator("[data-run]").first().waitFor()
          // Far beyond the first page of runs.
          while ((await position()) < 9000) {
            await page.mouse.wheel(0, 2500)
            await page.waitForTimeout(60)
          }
          await page.waitForTimeout(300)
          const before = await position()
          await page.locator("[data-run] a.mono").nth(15).click()
          await page.getByText("This run has no tasks").waitFor()
          assert.strictEqual(await position(), 0)
          await page.goBack()
          await page.locator("[data-run]").first().waitFor()
          await until(async () => Math.abs((await position()) - before) < 3)
          await page.goto(`${page.url()}runs/${review}`)
          await page.locator("[data-task='train/3'] .node-body").click()
          await page.getByRole("tab", { name: "Log" }).click()
          await page.locator(".line").first().waitFor()
          await page.locator(".line a.task").first().click()
          await page.getByRole("heading", { level: 1, name: "start/1" }).waitFor()
          await page.goBack()
          await page.getByRole("tab", { name: /Log/, selected: true }).waitFor()
          await page.getByRole("tab", { name: "Overview" }).click()
          await page.locator(".node.selected[data-task='train/3']").waitFor()
          await page.goForward()
          await page.getByRole("heading", { level: 1, name: "start/1" }).waitFor()
        })
        yield* store.remove(ids)
      })
    )

    it.effect("says on a task's page that the code of its step has changed since", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        yield* store.write([
          putRun(run("00old", { status: "succeeded", finishedAt: 2000 })),
          putRun(run("00new", { status: "succeeded", finishedAt: 2000, origin: "00old" })),
          putTask(task("00old", 1, { step: "load", code: "a".repeat(64) })),
          putTask(
            task("00new", 1, {
              step: "load",
              how: "takenOver",
              source: "00old/load/1",
              code: "b".repeat(64),
              sourceCode: "a".repeat(64)
            })
          )
        ])
        const { page } = yield* open("/runs/00new/load/1")
        yield* act(() => page.getByText("The code of this step has changed since").waitFor())
        const { url } = yield* Ui.Server
        yield* act(async () => {
          await page.goto(`${url}/runs/00old/load/1`)
          await page.getByRole("heading", { level: 1, name: "load/1" }).waitFor()
          await hasCount(page.getByText("The code of this step has changed since"), 0)
          await page.goto("about:blank") // the page of a run that is removed asks for it once more
        })
        yield* store.remove(["00old", "00new"])
      })
    )

    describe("tabs", () => {
      it.effect("are gone through by the arrow keys", () =>
        Effect.gen(function* () {
          const { review } = yield* Seeded
          const { page } = yield* open(`/runs/${review}`)
          yield* act(async () => {
            await page.getByRole("tab", { name: "Overview" }).focus()
            await page.keyboard.press("ArrowRight")
            await page.getByRole("tab", { name: /Log/, selected: true }).waitFor()
            await page.keyboard.press("ArrowLeft")
            await page.keyboard.press("ArrowLeft")
            await page.getByRole("tab", { name: /Cards/, selected: true }).waitFor()
            assert.strictEqual(await page.evaluate("document.activeElement.id"), "run-view-cards")
            await page.keyboard.press("Home")
            await page.getByRole("tab", { name: "Overview", selected: true }).waitFor()
            await hasCount(page.locator("[role=tab][tabindex='0']"), 1)
          })
        })
      )
    })
  })
}
