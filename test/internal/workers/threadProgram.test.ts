/** Where Node would not start a thread: the cause is named, and flags that are harmless to threads do no harm. */
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { afterAll } from "vitest"
import * as Program from "../../../src/internal/workers/thread/program.ts"

const program = join(import.meta.dirname, "..", "..", "executor", "onThreads.ts")
const directory = mkdtempSync(join(tmpdir(), "effect-flow-threads-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const node = (...words: ReadonlyArray<string>) =>
  new Promise<{ readonly output: string; readonly isSuccess: boolean }>((resolve) => {
    execFile(process.execPath, [...words], (error, stdout, stderr) =>
      resolve({ output: stdout + stderr, isSuccess: error === null })
    )
  })

describe.concurrent("a process that starts threads", () => {
  it("is told to allow them where the permission model does not", async () => {
    const { isSuccess, output } = await node(
      "--permission",
      "--allow-fs-read=*",
      `--allow-fs-write=${directory}`,
      program,
      join(directory, "permission")
    )
    assert.isFalse(isSuccess)
    assert.include(output, "A worker thread could not be started: Node's permission model forbids it.")
    assert.include(output, "--allow-worker")
    assert.notInclude(output, "can't be imported")
  })

  it("may run code from its command line", async () => {
    const code = `process.argv[2] = ${JSON.stringify(join(directory, "eval"))}; await import(${JSON.stringify(pathToFileURL(program).href)})`
    const { output } = await node("--input-type=module", "--title=a-title", "-e", code)
    assert.include(output, "on another thread")
  })
})

describe("the flags of a thread", () => {
  it("are inherited", () => {
    assert.deepStrictEqual(Program.flags(["--title=x", "--import", "tsx"]), {})
  })

  it("are those that find and load modules, where the process runs code from its command line", () => {
    assert.deepStrictEqual(
      Program.flags([
        "--input-type=module",
        "--import",
        "tsx",
        "--title=x",
        "-C",
        "development",
        "--import=b",
        "-e",
        "1"
      ]),
      { execArgv: ["--import", "tsx", "-C", "development", "--import=b"] }
    )
  })
})
