/** Called flows open in place, in the graph and in the waterfall: nested, live, by keyboard, and kept in the address. */
import { assert, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import type { Page } from "playwright-core"
import { vi } from "vitest"
import * as Flow from "../../src/Flow.ts"
import { RunStore } from "../../src/RunStore.ts"
import { browserPath } from "./browser.ts"
import { ShipFlow } from "./flows.ts"
import * as Gate from "./gate.ts"
import { runFlow } from "./processes.ts"
import { act, Directory, open, unseeded } from "./served.ts"
import { accessible, hasCount, waitLimitMs } from "./visit.ts"

/** A run of the flow that calls, and those that it called. */
const shipped = Effect.gen(function* () {
  const store = yield* RunStore
  const ship = yield* Flow.run(ShipFlow, {})
  const [pack] = yield* store.runs({ parent: ship.id })
  assert(pack !== undefined)
  const weighings = yield* store.runs({ parent: pack.id })
  assert.lengthOf(weighings, 4)
  return { ship: ship.id, pack: pack.id, weigh: weighings.map(({ id }) => id).reverse() }
}).pipe(Effect.provideService(Logger.CurrentLoggers, new Set()))

const call = (page: Page, run: string) => page.locator(`[data-call='${run}']`)
const frame = (page: Page, run: string) => page.locator(`[data-frame='${run}']`)
const row = (page: Page, key: string) => page.locator(`[data-row='${key}']`)

/** Waits until a node lies within a frame: a graph that has changed is fitted once more. */
const isWithin = (page: Page, node: string, run: string): Promise<void> =>
  vi.waitFor(
    async () => {
      const [inner, outer] = [await page.locator(node).boundingBox(), await frame(page, run).boundingBox()]
      assert(inner !== null && outer !== null)
      assert.isAbove(inner.x, outer.x)
      assert.isAbove(inner.y, outer.y)
      assert.isBelow(inner.x + inner.width, outer.x + outer.width)
      assert.isBelow(inner.y + inner.height, outer.y + outer.height)
    },
    { timeout: waitLimitMs }
  )

if (browserPath === undefined) {
  console.info("Skipped: called flows on the page. Install chromium, or set EFFECT_FLOW_TEST_BROWSER to one's program.")
  it.skip("called flows on the page", () => {})
} else {
  layer(unseeded, { excludeTestServices: true, timeout: "300 seconds" })("A called flow", (it) => {
    it.effect("opens in the graph to its own steps, and what it wrote leads on from the step that wrote it", () =>
      Effect.gen(function* () {
        const { pack, ship, weigh } = yield* shipped
        const { page } = yield* open(`/runs/${ship}`)
        const edge = (from: string, to: string) =>
          page.locator(`.react-flow__edge[data-id='${from}\\A ${to}']`).waitFor({ state: "attached" })
        yield* act(async () => {
          await call(page, pack).waitFor()
          assert.match(await call(page, pack).innerText(), /PackFlow[\s\S]*1 task/)
          await hasCount(page.locator("[data-task]"), 2)
          await edge(`run:${pack}`, "post/2")
          assert.strictEqual(await call(page, pack).getByRole("link").getAttribute("href"), `/runs/${pack}`)
          await page.getByRole("button", { name: `Open the run ${pack} of PackFlow`, exact: true }).click()
          await frame(page, pack).waitFor()
          await page.waitForURL(new RegExp(`calls=${pack}`))
          await page.locator(`[data-task='${pack}/wrap/1']`).waitFor()
          await edge(`${pack}/wrap/1`, "post/2")
          // The four runs that it called itself are one node until they are opened, and each of them opens.
          await page.getByRole("button", { name: "Open WeighFlow" }).click()
          await call(page, weigh[3] ?? "").waitFor()
          await hasCount(page.locator("[data-call]"), 4)
          await page.getByRole("button", { name: `Open the run ${weigh[1]} of WeighFlow`, exact: true }).click()
          await page.locator(`[data-task='${weigh[1]}/weigh/1']`).waitFor()
          await isWithin(page, `[data-task='${weigh[1]}/weigh/1']`, weigh[1] ?? "")
          await isWithin(page, `[data-frame='${weigh[1]}']`, pack)
          // Every view is a link.
          await page.reload()
          await page.locator(`[data-task='${weigh[1]}/weigh/1']`).waitFor()
          await hasCount(page.locator("[data-frame]"), 2)
          await page.locator(`[data-task='${weigh[1]}/weigh/1'] .node-body`).click()
          await page.getByRole("region", { name: "weigh/1" }).getByRole("link", { name: "Open" }).click()
          await page.waitForURL(`**/runs/${weigh[1]}/weigh/1`)
          await page.getByRole("heading", { level: 1, name: "weigh/1" }).waitFor()
          await page.goBack()
          await page.locator(`.wf-row.selected[data-row='${weigh[1]}/weigh/1']`).waitFor()
          await page
            .getByRole("button", { name: `Close the run ${pack} of PackFlow` })
            .first()
            .click()
          await call(page, pack).waitFor()
          await hasCount(page.locator("[data-frame]"), 0)
          await hasCount(page.locator("[data-task]"), 2)
        })
        yield* accessible(page)
      })
    )

    it.effect("opens in the waterfall by mouse and by keyboard, below the flow that called it", () =>
      Effect.gen(function* () {
        const { pack, ship, weigh } = yield* shipped
        const { page } = yield* open(`/runs/${ship}`)
        yield* act(async () => {
          await row(page, `run:${pack}`).waitFor()
          await page.keyboard.press("j")
          await page.keyboard.press("j")
          await page.locator(`.wf-row.selected[data-row='run:${pack}']`).waitFor()
          await page.getByRole("region", { name: "PackFlow" }).getByText("items").waitFor()
          await page.keyboard.press("Enter")
          await row(page, `${pack}/wrap/1`).waitFor()
          // Four calls of one flow: a row for the flow, and one for each.
          await row(page, `${pack}/calls:WeighFlow`).waitFor()
          await row(page, `run:${weigh[3]}`).waitFor()
          await page.getByRole("button", { name: `Steps of the run ${weigh[0]} of WeighFlow` }).click()
          await row(page, `${weigh[0]}/weigh/1`).waitFor()
          const keys = (await page.evaluate(
            "[...document.querySelectorAll('.wf-row')].map((row) => [Number(/translateY\\((\\d+)/.exec(row.style.transform)[1]), row.dataset.row]).sort((a, b) => a[0] - b[0]).map(([, key]) => key)"
          )) as ReadonlyArray<string>
          assert.deepStrictEqual(keys, [
            "order/1",
            `run:${pack}`,
            `${pack}/calls:WeighFlow`,
            `run:${weigh[0]}`,
            `${weigh[0]}/weigh/1`,
            ...weigh.slice(1).map((id) => `run:${id}`),
            `${pack}/wrap/1`,
            "post/2"
          ])
          await page.setViewportSize({ width: 390, height: 844 })
          assert.isAtMost(
            (await page.evaluate(
              "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )) as number,
            0
          )
          await page.keyboard.press("o")
          await row(page, `${pack}/wrap/1`).waitFor({ state: "detached" })
        })
        yield* accessible(page)
      })
    )

    it.effect("appears when it is called, and goes on while it is open", () =>
      Effect.gen(function* () {
        const directory = yield* Directory
        const { page } = yield* open("/?status=running")
        const gate = yield* Gate.make
        const flow = yield* Effect.forkChild(runFlow(directory, "ShipFlow", { pause: 400 }, gate.environment))
        yield* act(async () => {
          await page
            .locator("[data-run]", { has: page.locator(".flow-cell", { hasText: "ShipFlow" }) })
            .locator("a.mono")
            .click()
          const called = page.locator("[data-call][data-status='running']")
          await called.waitFor()
          const pack = (await called.getAttribute("data-call")) ?? ""
          await called.locator("button[aria-expanded]").click()
          await frame(page, pack).waitFor()
          gate.open()
          await page.locator(`[data-step='${pack}/calls:WeighFlow']`).waitFor()
          await page.locator(`[data-task='${pack}/wrap/1'][data-status='succeeded']`).waitFor()
          await page.locator(`[data-frame='${pack}'][data-status='succeeded']`).waitFor()
          await page.locator("[data-task='post/2'][data-status='succeeded']").waitFor()
          await page.locator(".head .status.succeeded").waitFor()
        })
        yield* Fiber.join(flow)
      })
    )
  })
}
