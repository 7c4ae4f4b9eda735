/** A visit to the page: what a visitor would notice going wrong is kept, and looked at when the visit ends. */
import { assert } from "@effect/vitest"
import axe from "axe-core"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Browser, BrowserContext, Locator, Page } from "playwright-core"
import { vi } from "vitest"

/** How long to wait for what the page must show, in milliseconds: much longer than it takes on a busy machine. */
export const waitLimitMs = 60_000

export interface Visit {
  readonly page: Page
  /** Errors on the console, exceptions, requests that failed. */
  readonly troubles: Array<string>
}

/** A browser as somebody's own: what it keeps is kept from visit to visit, the page's files too. */
export const profile = (browser: Browser): Effect.Effect<BrowserContext, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => browser.newContext({ viewport: { width: 1440, height: 900 } })),
    (context) => Effect.promise(() => context.close())
  )

/** Opens a page; when the scope ends, nothing may have gone wrong that was not taken out of `troubles`. */
export const visit = (
  context: BrowserContext,
  colorScheme: "light" | "dark" = "light"
): Effect.Effect<Visit, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const page = await context.newPage()
      await page.emulateMedia({ colorScheme })
      page.setDefaultTimeout(waitLimitMs)
      const troubles: Array<string> = []
      page.on("console", (message) => {
        // How soon what was loaded early is used is a matter of the machine's speed.
        if (/was preloaded using link preload but not used/.test(message.text())) return
        if (message.type() === "error" || message.type() === "warning") troubles.push(`console: ${message.text()}`)
      })
      page.on("pageerror", (error) => troubles.push(`exception: ${error.message}`))
      page.on("dialog", (dialog) => {
        troubles.push(`dialog: ${dialog.message()}`)
        void dialog.dismiss()
      })
      page.on("requestfailed", (request) => {
        // Who leaves a view stops listening, and asks no more.
        if (request.failure()?.errorText !== "net::ERR_ABORTED")
          troubles.push(`request: ${request.url()} ${request.failure()?.errorText}`)
      })
      page.on("response", (response) => {
        if (response.status() >= 400) troubles.push(`answer: ${response.status()} ${response.url()}`)
      })
      return { page, troubles }
    }),
    ({ page, troubles }) =>
      Effect.promise(async () => {
        await page.close()
        assert.deepStrictEqual(troubles, [])
      })
  )

/**
 * Waits until a locator matches exactly `count` elements, and fails with the number it last matched. A list that is loading
 * has no rows for a moment, so a count that is taken once can fall into the gap.
 */
export const hasCount = (locator: Locator, count: number): Promise<void> =>
  vi.waitFor(async () => assert.strictEqual(await locator.count(), count), { timeout: waitLimitMs })

/** That axe finds nothing serious; of its rules, only some where the others have been looked at in the same view. */
export const accessible = (page: Page, rules?: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.promise(async () => {
    // Animations would be looked at half way.
    await page.emulateMedia({ reducedMotion: "reduce" })
    await page.evaluate(axe.source)
    const options = { resultTypes: ["violations"], ...(rules === undefined ? {} : { runOnly: rules }) }
    const { violations } = (await page.evaluate(`axe.run(${JSON.stringify(options)})`)) as {
      readonly violations: ReadonlyArray<{
        readonly id: string
        readonly impact: string
        readonly help: string
        readonly nodes: ReadonlyArray<{ readonly html: string; readonly failureSummary: string }>
      }>
    }
    const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical")
    assert.deepStrictEqual(
      serious.map(
        ({ help, id, nodes }) =>
          `${id}: ${help}: ${nodes
            .slice(0, 3)
            .map((node) => `${node.html.slice(0, 200)} ${node.failureSummary}`)
            .join(" | ")}`
      ),
      []
    )
  })

/** Takes out of the troubles what was meant to go wrong. */
export const expected = ({ troubles }: Visit, pattern: RegExp): number => {
  const before = troubles.length
  const rest = troubles.filter((trouble) => !pattern.test(trouble))
  troubles.splice(0, before, ...rest)
  return before - rest.length
}
