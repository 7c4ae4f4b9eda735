/**
 * A real browser for tests, benches and screenshots: Debian's chromium, driven by playwright-core. Where there is none,
 * `browserPath` is undefined, and who needs it says so and does without.
 */
import { accessSync, constants } from "node:fs"
import * as Effect from "effect/Effect"
import { chromium } from "playwright-core"

const candidates = [process.env.EFFECT_FLOW_TEST_BROWSER ?? "", "/usr/bin/chromium", "/usr/bin/chromium-browser"]

/** The browser's program. */
export const browserPath = candidates.find((path) => {
  try {
    accessSync(path, constants.X_OK)
    return path !== ""
  } catch {
    return false
  }
})

/** A browser, closed with the scope. */
export const launch = Effect.acquireRelease(
  Effect.promise(() =>
    chromium.launch({
      ...(browserPath === undefined ? {} : { executablePath: browserPath }),
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync"
      ]
    })
  ),
  (browser) => Effect.promise(() => browser.close())
)
