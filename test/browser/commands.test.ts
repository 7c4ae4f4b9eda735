/**
 * Every command that the page shows works when it is pasted into a terminal: on the page of the package's own command
 * line, on that of a flow file, and there for a run of another flow.
 */
import { execFile, spawn } from "node:child_process"
import { rm } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Page } from "playwright-core"
import { temporaryDirectory } from "../support/directory.ts"
import { browserPath, launch } from "./browser.ts"
import { built } from "./built.ts"
import { firstLine, stop } from "./processes.ts"
import { profile, visit } from "./visit.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))
const flaky = "test/browser/commandFlows/flaky.ts"
const other = "test/browser/commandFlows/other.ts"
const bin = "src/bin.ts"

const act = <A>(what: () => Promise<A>) => Effect.promise(what)

/** Runs a flow file, which fails, and yields the id of its run. */
const failedRun = (file: string, directory: string) =>
  act(async () => {
    const words = [file, "run", "--directory", directory]
    const failed = await promisify(execFile)(process.execPath, words, { cwd: root }).catch((error) => error)
    const id = /resume (\w{26})/.exec(failed.stderr)?.[1]
    assert.isString(id, failed.stderr)
    return id ?? ""
  })

/** Runs a flow file, stops it as somebody does with Ctrl+C while its second step runs, and yields the id of its run. */
const interruptedRun = Effect.fnUntraced(function* (file: string, directory: string) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [file, "run", "--directory", directory], {
        cwd: root,
        stdio: ["ignore", "ignore", "pipe"],
        env: { ...process.env, EFFECT_FLOW_TEST_HANGS: "yes" }
      })
    ),
    (child) => stop(child, "SIGKILL")
  )
  let said = ""
  yield* Effect.callback<void>((resume) => {
    child.stderr.on("data", (part: Buffer) => {
      said += part.toString()
      if (said.includes("[score/2] started")) resume(Effect.void)
    })
  })
  yield* stop(child, "SIGINT")
  const id = /run (\w{26})/.exec(said)?.[1]
  assert.isString(id, said)
  return id ?? ""
})

/** The page of a command line. */
const serve = Effect.fnUntraced(function* (file: string, directory: string) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [file, "ui", "--port", "0", "--directory", directory], {
        cwd: root,
        stdio: ["ignore", "pipe", "ignore"]
      })
    ),
    (child) => stop(child)
  )
  return yield* firstLine(child)
})

/** The commands on a page, once there are some. */
const commandsAt = async (page: Page, url: string): Promise<ReadonlyArray<string>> => {
  await page.goto(url)
  await page.locator(".command code").first().waitFor()
  return page.locator(".command code").allInnerTexts()
}

/** Executes a command as a shell does. Only `npx effect-flow`, which is not installed here, is the source itself. */
const execute = (command: string) =>
  act(async () => {
    const text = command
      .replace(/(^|&& )npx effect-flow/, `$1${process.execPath} ${bin}`)
      .replace(/(^|&& )node /, `$1${process.execPath} `)
    const result = await promisify(execFile)("sh", ["-c", text], {
      cwd: root,
      env: { ...process.env, EFFECT_FLOW_TEST_SOUND: "yes" }
    }).then(
      () => "worked",
      (error) => `exit ${error.code}: ${error.stderr}`
    )
    assert.strictEqual(result, "worked", command)
  })

if (browserPath === undefined) {
  console.info("Skipped: the commands on the page. Install chromium, or set EFFECT_FLOW_TEST_BROWSER to one's program.")
}

describe.skipIf(browserPath === undefined)("The commands on the page", () => {
  it.live("work when they are pasted", () =>
    Effect.gen(function* () {
      yield* built
      const directory = yield* temporaryDirectory
      const mine = yield* failedRun(flaky, directory)
      const foreign = yield* failedRun(other, directory)
      const { page } = yield* visit(yield* Effect.flatMap(launch, profile))
      const ofBin = yield* serve(bin, directory)
      const ofFlow = yield* serve(flaky, directory)
      const commands = new Set<string>()
      for (const [url, id] of [
        [ofBin, mine],
        [ofFlow, mine],
        [ofFlow, foreign]
      ]) {
        for (const path of [`runs/${id}`, `runs/${id}/score/2`, `runs/${id}/load/1/answer`]) {
          for (const command of yield* act(() => commandsAt(page, `${url}/${path}`))) commands.add(command)
        }
      }
      for (const url of [ofBin, ofFlow]) {
        for (const command of yield* act(() => commandsAt(page, `${url}/compare/${mine}/${foreign}`)))
          commands.add(command)
      }
      yield* act(() => page.goto("about:blank"))
      const verbs = (pattern: RegExp) => [...commands].filter((command) => pattern.test(command)).length
      // Each flow is resumed by its own file, whoever shows the page.
      assert.strictEqual(verbs(/flaky\.ts .*resume \w+$/), 1, [...commands].join("\n"))
      assert.strictEqual(verbs(/other\.ts .*resume \w+$/), 1)
      assert.strictEqual(verbs(/ resume \w+ --from score$/), 2)
      for (const verb of ["show", "logs", "why", "dump"]) assert.isAtLeast(verbs(new RegExp(` ${verb} `)), 3)
      yield* Effect.forEach(commands, execute, { concurrency: 2 })
      yield* act(() => rm(`${root}answer`, { force: true }))
    }).pipe(Effect.scoped)
  )

  it.live("resume an interrupted run from the top of its page", () =>
    Effect.gen(function* () {
      yield* built
      const directory = yield* temporaryDirectory
      const id = yield* interruptedRun(flaky, directory)
      const { page } = yield* visit(yield* Effect.flatMap(launch, profile))
      const url = yield* serve(bin, directory)
      const command = yield* act(async () => {
        await page.goto(`${url}/runs/${id}`)
        const trouble = page.getByRole("region", { name: "What went wrong" })
        await trouble.getByText("The run was interrupted").waitFor()
        // Above the tabs, so it is seen at once.
        const [above, below] = [await trouble.boundingBox(), await page.getByRole("tablist").boundingBox()]
        assert.isBelow(above?.y ?? Number.NaN, below?.y ?? Number.NaN)
        return trouble
          .locator(".command", { hasText: `resume ${id}` })
          .locator("code")
          .innerText()
      })
      yield* execute(command)
      yield* act(async () => {
        await page.getByText("It was resumed as").waitFor()
        await page.getByRole("region", { name: "What went wrong" }).getByRole("link").last().click()
        await page.locator(".head .status.succeeded").waitFor()
        await page.goto("about:blank")
      })
    }).pipe(Effect.scoped)
  )
})
