/** What the test files of one run share: a folder, and the Postgres server that the first of them to need one starts. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { stopShared } from "../cluster/postgres.ts"

const root = join(import.meta.dirname, "..", "..")

export default async (): Promise<() => Promise<void>> => {
  const directory = await mkdtemp(join(tmpdir(), "effect-flow-tests-"))
  process.env.EFFECT_FLOW_TEST_SHARED = directory
  // The processes that the tests start load the library's source, too, whatever the last build left in `dist`.
  const flags = ["--conditions=effect-flow-source", `--import=${new URL("./resolutions.ts", import.meta.url)}`]
  process.env.NODE_OPTIONS = [process.env.NODE_OPTIONS, ...flags].join(" ").trim()
  // Hundreds of them load the same modules: Node compiles and finds each once.
  process.env.NODE_COMPILE_CACHE ??= join(root, "node_modules", ".cache", "effect-flow-tests")
  process.env.EFFECT_FLOW_TEST_RESOLUTIONS = join(directory, "resolutions.json")
  return async () => {
    await stopShared(directory)
    await rm(directory, { recursive: true, force: true })
  }
}
