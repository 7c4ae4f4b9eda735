/** The page on a phone and under the hands: everything is reachable at 390 pixels, by keyboard, and by name. */
import { assert, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Ui from "../../src/Ui.ts"
import { browserPath } from "./browser.ts"
import { act, open, Seeded, served } from "./served.ts"
import { accessible, hasCount } from "./visit.ts"

if (browserPath === undefined) {
  console.info("Skipped: the page under the hands. Install chromium, or set EFFECT_FLOW_TEST_BROWSER to one's program.")
  it.skip("the page under the hands", () => {})
} else {
  layer(served, { excludeTestServices: true, timeout: "300 seconds" })("The page", (it) => {
    it.effect("fits into 390 and 768 pixels in every view, and is accessible there", () =>
      Effect.gen(function* () {
        const { first, review, sweep } = yield* Seeded
        const { url } = yield* Ui.Server
        const views: ReadonlyArray<readonly [path: string, seen: string]> = [
          ["/", "[data-run]"],
          [`/runs/${review}`, ".node"],
          [`/runs/${sweep}?rows=score`, "[data-row='score/2']"],
          [`/runs/${review}?view=log`, ".line"],
          [`/runs/${review}?view=metrics`, ".u-over"],
          [`/runs/${review}?view=cards`, ".heatmap"],
          [`/runs/${review}/train/3`, ".line"],
          [`/runs/${review}/start/1/df`, ".histogram"],
          [`/runs/${review}/train/3/model`, ".terms"],
          [`/compare/${first}/${review}`, ".comparison"],
          ["/workers", "h1"]
        ]
        const { page } = yield* open("/")
        for (const width of [390, 768]) {
          yield* act(() => page.setViewportSize({ width, height: 844 }))
          for (const [path, seen] of views) {
            yield* act(async () => {
              await page.goto(url + path)
              await page.locator(seen).first().waitFor()
              const wide = (await page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
              )) as number
              assert.isAtMost(wide, 0, `${path} at ${width} pixels`)
            })
            if (width === 390) yield* accessible(page)
          }
        }
        // What is beside a narrow list on a screen is on it on a phone.
        yield* act(async () => {
          await page.setViewportSize({ width: 390, height: 844 })
          await page.goto(url)
          const row = page.locator(`[data-run='${review}']`)
          await row.waitFor()
          assert.match(await row.innerText(), /ReviewFlow[\s\S]*nightly[\s\S]*rows/)
        })
      }).pipe(Effect.scoped)
    )

    it.effect("finds flows, tags, steps, artifacts and any part of a run's id from the jump field", () =>
      Effect.gen(function* () {
        const { review } = yield* Seeded
        const { page } = yield* open("/")
        const jump = page.getByLabel("Jump to a run, task or artifact")
        const pick = async (text: string, name: RegExp) => {
          await jump.fill(text)
          await page.getByRole("option", { name }).first().click()
        }
        yield* act(async () => {
          await pick("sweepf", /^flow SweepFlow/)
          await page.waitForURL(/flow=SweepFlow/)
          await pick("deployment", /^tag deployment_candidate/)
          await page.waitForURL(/tag=deployment_candidate/)
          await pick("basel", /^step baseline of ReviewFlow/)
          await page.getByRole("heading", { level: 1, name: "baseline/2" }).waitFor()
          await pick("valdf", /^artifact valdf/)
          await page.getByRole("heading", { level: 1, name: "valdf" }).waitFor()
          // The end of the id, which is what the page shows of it.
          await jump.fill(review.slice(-6))
          await page.getByRole("option", { name: new RegExp(`^run ${review}`) }).waitFor()
          await page.keyboard.press("ArrowDown")
          await page.keyboard.press("Enter")
          await page.waitForURL(`**/runs/${review}`)
        })
        yield* accessible(page)
      })
    )

    it.effect("opens a command palette by Ctrl+K, for places and actions", () =>
      Effect.gen(function* () {
        const { page } = yield* open("/")
        yield* act(async () => {
          await page.locator("[data-run]").first().waitFor()
          await page.keyboard.press("Control+k")
          const palette = page.getByRole("dialog", { name: "Command palette" })
          await palette.getByRole("option", { name: /Show the workers/ }).waitFor()
        })
        yield* accessible(page)
        yield* act(async () => {
          await page.keyboard.type("failed runs")
          await page.getByRole("option", { name: /Show the failed runs/ }).waitFor()
          await page.keyboard.press("ArrowDown")
          await page.keyboard.press("Enter")
          await page.waitForURL(/status=failed/)
          await page.keyboard.press("Control+k")
          await page.keyboard.press("Escape")
          await page.getByRole("dialog", { name: "Command palette" }).waitFor({ state: "hidden" })
        })
      })
    )

    it.effect("highlights the critical path, and sorts the items of a fan-out by duration", () =>
      Effect.gen(function* () {
        const { review, sweep } = yield* Seeded
        const { url } = yield* Ui.Server
        const { page } = yield* open(`/runs/${review}`)
        yield* act(async () => {
          for (const task of ["start/1", "join/4", "end/5"]) {
            await page.locator(`.node.critical[data-task='${task}']`).waitFor()
            await page.locator(`.wf-row.critical[data-row='${task}']`).waitFor()
          }
          // Of two branches only the later one is on it.
          await hasCount(page.locator(".node.critical"), 4)
          await page.goto(`${url}/runs/${sweep}?rows=score`)
          await page.locator("[data-row='score/2']").waitFor()
          await page.getByLabel("Order of the tasks of a step").selectOption("longest")
          await page.waitForURL(/order=longest/)
          const rows = (await page.evaluate(
            "[...document.querySelectorAll('.wf-row.task[data-row^=score]')].map((row) => [Number(/translateY\\((\\d+)/.exec(row.style.transform)[1]), row.dataset.row]).sort((a, b) => a[0] - b[0]).map(([, id]) => id)"
          )) as ReadonlyArray<string>
          const { tasks } = (await (await page.request.get(`${url}/api/runs/${sweep}/tasks`)).json()) as {
            readonly tasks: ReadonlyArray<{
              readonly id: string
              readonly startedAt: number
              readonly finishedAt: number
            }>
          }
          const took = new Map(tasks.map(({ finishedAt, id, startedAt }) => [id, finishedAt - startedAt]))
          const durations = rows.map((id) => took.get(id) ?? 0)
          assert.deepStrictEqual(
            durations,
            [...durations].sort((a, b) => b - a)
          )
          assert.isAbove(durations.length, 5)
        })
      })
    )

    it.effect("has fields whose borders are seen: 3:1 in both themes", () =>
      Effect.gen(function* () {
        for (const colorScheme of ["light", "dark"] as const) {
          const { page } = yield* open("/", colorScheme)
          yield* act(async () => {
            await page.locator("[data-run]").first().waitFor()
            const ratios = (await page.evaluate(`(() => {
              const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true })
              const luminance = (color) => {
                canvas.fillStyle = color
                canvas.fillRect(0, 0, 1, 1)
                const parts = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => {
                  const value = part / 255
                  return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
                })
                return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
              }
              const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
              return [...document.querySelectorAll("input:not([type=checkbox]), select")].map((field) => {
                const style = getComputedStyle(field)
                return ratio(luminance(style.borderTopColor), luminance(style.backgroundColor))
              })
            })()`)) as ReadonlyArray<number>
            assert.isAtLeast(ratios.length, 4)
            for (const ratio of ratios) assert.isAtLeast(ratio, 3)
          })
        }
      }).pipe(Effect.scoped)
    )
  })
}
