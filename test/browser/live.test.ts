/** The page beside runs that go on, in processes of their own: what happens appears by itself, and a lost server is said. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { temporaryDirectory } from "../support/directory.ts"
import { browserPath, launch } from "./browser.ts"
import { built } from "./built.ts"
import * as Gate from "./gate.ts"
import { runFlow, serve, stop } from "./processes.ts"
import { act } from "./served.ts"
import { expected, hasCount, profile, visit } from "./visit.ts"

/** The page of a new store, in a browser of its own. */
const opened = Effect.gen(function* () {
  yield* built
  const directory = yield* temporaryDirectory
  const { url } = yield* serve(directory)
  const { page } = yield* visit(yield* Effect.flatMap(launch, profile))
  yield* act(() => page.goto(url))
  return { directory, page }
})

if (browserPath === undefined) {
  console.info("Skipped: the page beside a run. Install chromium, or set EFFECT_FLOW_TEST_BROWSER to one's program.")
}

describe.skipIf(browserPath === undefined)("The page beside a run", () => {
  it.live("shows it from its first task to its last without a reload", () =>
    Effect.gen(function* () {
      const { directory, page } = yield* opened
      yield* act(async () => {
        await page.getByText("No run yet").waitFor()
        await page.evaluate("window.sameDocument = true")
      })
      const gate = yield* Gate.make
      const flow = yield* Effect.forkChild(
        runFlow(directory, "ReviewFlow", { epochs: 12, pause: 400 }, gate.environment)
      )
      const seen = yield* act(async () => {
        await page.locator("[data-run] .status.running").waitFor()
        await page.locator("[data-run] a.mono").click()
        await page.locator("[data-task='start/1'][data-status='succeeded']").waitFor()
        await page.locator("[data-task='train/3'][data-status='running']").waitFor()
        const before = await page.locator("[data-task]").count()
        // The metrics and the card follow the training.
        await page.getByRole("img", { name: /^loss/ }).first().waitFor()
        await page
          .getByRole("region", { name: "Card of train/3" })
          .getByText(/^[2-9] of 12$/)
          .waitFor()
        await page.getByRole("tab", { name: "Log" }).click()
        await page.getByText(/^epoch 3\/12/).waitFor()
        await page.getByText(/^epoch 5\/12/).waitFor()
        await page.keyboard.press("1")
        gate.open()
        await page.locator("[data-task='train/3'][data-status='succeeded']").waitFor()
        await page.locator("[data-task='end/5'][data-status='succeeded']").waitFor()
        await page.locator(".head .status.succeeded").waitFor()
        return { before, same: await page.evaluate("window.sameDocument") }
      })
      assert.isBelow(seen.before, 5)
      assert.strictEqual(seen.same, true)
      assert.strictEqual((yield* Fiber.join(flow)).ended, "Success")
    }).pipe(Effect.scoped)
  )

  it.live("counts a fan-out up, and shows what failed in it as it fails", () =>
    Effect.gen(function* () {
      const { directory, page } = yield* opened
      const gate = yield* Gate.make
      const sweep = { width: 80, failing: 76, pause: 150, concurrency: 4 }
      const flow = yield* Effect.forkChild(runFlow(directory, "SweepFlow", sweep, gate.environment))
      yield* act(async () => {
        await page.locator("[data-run] .status.running").waitFor()
        await page.locator("[data-run] a.mono").click()
        const step = page.locator("[data-step='score']")
        await step.waitFor()
        const count = async () => Number.parseInt((await step.locator(".progress").textContent()) ?? "", 10)
        const before = await count()
        gate.open()
        while ((await count()) < before + 3) await step.locator(".progress").waitFor()
        await page.locator("[data-step='score'][data-status='failed']").waitFor()
        await page.getByRole("region", { name: "What went wrong" }).waitFor()
      })
      assert.strictEqual((yield* Fiber.join(flow)).ended, "Failure")
    }).pipe(Effect.scoped)
  )

  it.live("says that its server is gone, and goes on when it is back", () =>
    Effect.gen(function* () {
      yield* built
      const directory = yield* temporaryDirectory
      yield* runFlow(directory, "ReviewFlow", {})
      const first = yield* serve(directory)
      const visited = yield* visit(yield* Effect.flatMap(launch, profile))
      const { page } = visited
      yield* act(async () => {
        await page.goto(first.url)
        await page.locator("[data-run]").first().waitFor()
        await hasCount(page.locator(".connection"), 0)
      })
      yield* stop(first.child, "SIGKILL")
      yield* act(async () => {
        await page.getByText("No connection to the server since").waitFor()
        // What was seen stays on the screen.
        await hasCount(page.locator("[data-run]"), 1)
      })
      yield* runFlow(directory, "SweepFlow", {})
      yield* serve(directory, Number(new URL(first.url).port))
      yield* act(async () => {
        await page.getByText("No connection to the server since").waitFor({ state: "detached" })
        await page.locator(".flow-cell", { hasText: "SweepFlow" }).waitFor()
        await hasCount(page.locator("[data-run]"), 2)
      })
      // The last server ends before the page is closed.
      yield* act(() => page.goto("about:blank"))
      expected(visited, /ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY|Failed to load resource/)
    }).pipe(Effect.scoped)
  )
})
