/** What the page says is so: statuses, durations, counts, series, filters, and what is no longer there. */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Flow from "../../src/Flow.ts"
import { RunStore } from "../../src/RunStore.ts"
import * as Ui from "../../src/Ui.ts"
import { line, putRun, putTask, run, task } from "../conformance/records.ts"
import { browserPath } from "./browser.ts"
import { TuneFlow } from "./flows.ts"
import * as Gate from "./gate.ts"
import { makeLink } from "./link.ts"
import { runFlow } from "./processes.ts"
import { act, Directory, Opened, open, unseeded } from "./served.ts"
import { expected, hasCount, visit } from "./visit.ts"

const quietly = Effect.provideService(Logger.CurrentLoggers, new Set<never>())

if (browserPath === undefined) {
  console.info("Skipped: what the page says. Install chromium, or set EFFECT_FLOW_TEST_BROWSER to one's program.")
  it.skip("what the page says", () => {})
} else {
  layer(unseeded, { excludeTestServices: true, timeout: "300 seconds" })("What the page says", (it) => {
    it.effect("of a run whose process is gone holds for its tasks, its duration and its graph", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const attempt = { number: 1, status: "running" as const, startedAt: 2000 }
        yield* store.write([
          putRun(run("00gone", { host: "elsewhere", startedAt: 1000, heartbeatAt: 1000 })),
          putTask(task("00gone", 1, { step: "load", startedAt: 1000, finishedAt: 2000 })),
          putTask(task("00gone", 2, { step: "train", status: "running", startedAt: 2000, attempts: [attempt] })),
          { _tag: "Logs", lines: [line("00gone", "train/2", "epoch 1", { at: 61_000 })] }
        ])
        const { page } = yield* open("/runs/00gone?at=train%2F2")
        yield* act(async () => {
          await page.getByText("The process of this run is gone").waitFor()
          await page.getByText("Flow.resume(Flow").first().waitFor()
          // The last sign of life is a log line, a minute after the start.
          assert.match(await page.locator(".head .facts").innerText(), /1 min 0 s[\s\S]*2 tasks, 1 crashed/)
          await page.locator("[data-task='train/2'][data-status='crashed']").waitFor()
          await page.locator("[data-row='train/2'] .span.crashed").waitFor()
          await hasCount(page.locator(".status-mark.running"), 0)
          assert.match(await page.locator("[data-row='train/2'] .wf-took").innerText(), /^59\.0 s$/)
          assert.match(await page.getByRole("region", { name: "train/2" }).innerText(), /crashed[\s\S]*59\.0 s/)
          await page.goto(`${page.url().split("/runs/")[0]}/runs/00gone/train/2`)
          await page.locator(".head .status.crashed").waitFor()
          await page.getByRole("region", { name: "Attempts" }).locator(".status.crashed").waitFor()
        })
        yield* store.remove(["00gone"])
      })
    )

    it.effect("of a sweep names each curve by its setting, in a style of its own, and says what is left out", () =>
      Effect.gen(function* () {
        const small = yield* quietly(Flow.run(TuneFlow, {}))
        const large = yield* quietly(Flow.run(TuneFlow, { width: 40, points: 2 }))
        const { page } = yield* open(`/runs/${small.id}?view=metrics`)
        yield* act(async () => {
          await page.getByText("loss rate 0.05", { exact: false }).first().waitFor()
          await hasCount(page.locator(".key"), 14)
          const looks = (await page.evaluate(
            "[...document.querySelectorAll('.key')].map((key) => getComputedStyle(key).getPropertyValue('--key') + key.querySelector('path').getAttribute('stroke-dasharray'))"
          )) as ReadonlyArray<string> // as written above
          assert.strictEqual(new Set(looks).size, 14)
          await page.goto(`${page.url().split("/runs/")[0]}/runs/${large.id}?view=metrics`)
          await page.getByText("36 of 40 series are shown").waitFor()
          await page.getByLabel("Find a series of loss").fill("rate 1.95")
          await page.getByText("1 of 40 series are shown").waitFor()
          await page.getByText("loss rate 1.95").waitFor()
        })
      })
    )

    it.effect("of the store's flows and tags does not depend on what is loaded, and runs that are removed go", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const many = Array.from({ length: 250 }, (_, i) => `0${String(i).padStart(4, "0")}`)
        yield* store.write([
          putRun(run("0", { flow: "RareFlow", status: "succeeded", finishedAt: 2000, tags: ["once"] })),
          ...many.map((id) => putRun(run(id, { flow: "OftenFlow", status: "succeeded", finishedAt: 2000 })))
        ])
        const { page } = yield* open("/?flow=OftenFlow")
        const other = yield* open(`/runs/${many[249]}`)
        yield* act(async () => {
          await page.locator(`[data-run='${many[249]}']`).waitFor()
          await page.locator("select").first().locator("option", { hasText: "RareFlow" }).waitFor({ state: "attached" })
          await page.locator("datalist option[value='once']").waitFor({ state: "attached" })
          await other.page.getByRole("heading", { level: 1, name: "OftenFlow" }).waitFor()
          await page.bringToFront()
        })
        yield* store.remove(["0", ...many.slice(245)])
        yield* act(async () => {
          await page.locator(`[data-run='${many[249]}']`).waitFor({ state: "detached" })
          await page.locator(`[data-run='${many[244]}']`).waitFor()
          await page.locator("datalist option[value='once']").waitFor({ state: "detached" })
          await other.page.getByText("This run was removed from the store").waitFor()
        })
        expected(other, /404/)
        yield* store.remove(many)
      })
    )

    it.effect("of a bad address is a sentence", () =>
      Effect.gen(function* () {
        const { page } = yield* open("/?status=bogus&within=1y")
        yield* act(async () => {
          await page.getByText("There is no status “bogus”. It can be running, succeeded").waitFor()
          await page.getByText("There is no time “1y”").waitFor()
        })
        const store = yield* RunStore
        yield* store.write([putRun(run("00bad", { status: "succeeded", finishedAt: 2000 }))])
        const other = yield* open("/runs/00bad?view=everything&at=nothing%2F7")
        yield* act(async () => {
          await other.page.getByText("A run has no view “everything”").waitFor()
          // The page of a run that is removed asks for it once more.
          await other.page.goto("about:blank")
        })
        yield* store.remove(["00bad"])
      })
    )

    it.effect("of the order of the runs holds for all of the store, those included that are not loaded", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const ids = Array.from({ length: 230 }, (_, i) => `0${String(i).padStart(4, "0")}`)
        const took = (i: number) => 1000 + ((i * 7919) % 230) * 100
        yield* store.write(
          ids.map((id, i) =>
            putRun(
              run(id, {
                flow: i % 2 === 0 ? "EvenFlow" : "OddFlow",
                status: i === 5 ? "failed" : "succeeded",
                startedAt: 1_000_000 + i,
                finishedAt: 1_000_000 + i + took(i),
                tags: ["ordered"]
              })
            )
          )
        )
        const { page } = yield* open("/?tag=ordered")
        const first = (id: string) => page.locator(`[data-run='${id}'][aria-rowindex='2']`).waitFor()
        const byLength = ids.map((id, i) => [took(i), id] as const).sort(([a], [b]) => b - a)
        const [longest] = byLength
        const shortest = byLength.at(-1)
        yield* act(async () => {
          await first(ids.at(-1) ?? "")
          const heading = (name: string) => page.getByRole("columnheader", { name }).getByRole("button")
          await heading("Took").click()
          await page.waitForURL(/sort=duration&order=down/)
          await first(longest?.[1] ?? "")
          await page.locator("[role=columnheader][aria-sort=descending]", { hasText: "Took" }).waitFor()
          await heading("Took").click()
          await first(shortest?.[1] ?? "")
          await heading("Status").click()
          await page.waitForURL(/sort=status&order=up/)
          await first(ids[5] ?? "")
          await heading("Flow").click()
          await page.locator("[data-run][aria-rowindex='2'] .flow-cell", { hasText: "EvenFlow" }).waitFor()
          await heading("Flow").click()
          await page.locator("[data-run][aria-rowindex='2'] .flow-cell", { hasText: "OddFlow" }).waitFor()
          await heading("Started").click()
          await first(ids.at(-1) ?? "")
          assert.notMatch(page.url(), /sort/)
          await heading("Started").click()
          await page.waitForURL(/sort=started&order=up/)
          await first(ids[0] ?? "")
          // The address has the order, and a run that arrives takes its place in it.
          await page.goto(`${page.url().split("?")[0]}?tag=ordered&sort=duration&order=down`)
          await first(longest?.[1] ?? "")
        })
        yield* store.write([
          putRun(
            run("1long", {
              flow: "EvenFlow",
              status: "succeeded",
              startedAt: 2_000_000,
              finishedAt: 9_000_000,
              tags: ["ordered"]
            })
          )
        ])
        yield* act(async () => {
          await first("1long")
          await page.goto(`${page.url().split("?")[0]}?tag=ordered&sort=size`)
          await page.getByText("Runs can't be sorted by “size”").waitFor()
          await page.setViewportSize({ width: 390, height: 844 })
          await page.getByLabel("Order").selectOption("longest first")
          await first("1long")
          await page.goto("about:blank")
        })
        yield* store.remove([...ids, "1long"])
      })
    )

    it.effect("is of the filters that were chosen last, whichever answer comes last", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        yield* store.write([
          putRun(run("0late", { flow: "SlowFlow", status: "succeeded", finishedAt: 2000 })),
          putRun(run("0soon", { flow: "SoonFlow", status: "succeeded", finishedAt: 2000 }))
        ])
        const { url } = yield* Ui.Server
        const link = yield* makeLink(url, 0)
        link.delays.push([/^\/api\/runs\?.*flow=SlowFlow/, 1500])
        const { page } = yield* visit(yield* Opened)
        yield* act(async () => {
          await page.goto(link.url)
          await page.locator("[data-run='0late']").waitFor()
          const late = page.waitForResponse(/flow=SlowFlow/)
          await page.getByLabel("Flow").selectOption("SlowFlow")
          await page.getByLabel("Flow").selectOption("SoonFlow")
          await page.locator("[data-run='0late']").waitFor({ state: "detached" })
          await page.locator("[data-run='0soon']").waitFor()
          await (await late).finished()
          // Two frames later the page has taken the answer in.
          await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
          await hasCount(page.locator("[data-run]"), 1)
          await page.locator("[data-run='0soon']").waitFor()
          await page.goto("about:blank")
        })
        yield* store.remove(["0late", "0soon"])
      }).pipe(Effect.scoped)
    )

    describe("over a link on which answers take 600 ms", () => {
      it.effect(
        "comes later and is the same: no request is given up, and charts and cards are shown while a run goes on",
        () =>
          Effect.gen(function* () {
            const { url } = yield* Ui.Server
            const directory = yield* Directory
            const link = yield* makeLink(url, 600)
            const { page } = yield* visit(yield* Opened)
            yield* act(async () => {
              await page.goto(link.url)
              await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor()
            })
            const gate = yield* Gate.make
            const flow = yield* Effect.forkChild(
              runFlow(directory, "ReviewFlow", { epochs: 24, pause: 300 }, gate.environment)
            )
            yield* act(async () => {
              await page.locator("[data-run] .status.running").waitFor()
              await page
                .locator("[data-run]", { has: page.locator(".status.running") })
                .locator("a.mono")
                .click()
              await page.getByRole("img", { name: /^loss/ }).first().waitFor()
              await page
                .getByRole("region", { name: "Card of train/3" })
                .getByText(/^\d+ of 24$/)
                .waitFor()
              gate.open()
              await page.locator(".head .status.succeeded").waitFor()
              await page.getByRole("region", { name: "Card of join/4" }).waitFor()
            })
            yield* Fiber.join(flow)
            // Leaving the list gives up what was asked for it. What a view shows is never given up.
            assert.deepStrictEqual(
              link.counts.aborted.filter((path) =>
                /^\/api\/runs\/[^/]+(?:\/(?:tasks|metrics|cards|logs))?(?:\?|$)/.test(path)
              ),
              []
            )
            yield* act(() => page.goto("about:blank"))
          }).pipe(Effect.scoped)
      )
    })
  })
}
