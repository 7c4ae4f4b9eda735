/** What the test files of one run share: a folder, and the Postgres server that the first of them to need one starts. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { stopShared } from "../cluster/postgres.ts"

export default async (): Promise<() => Promise<void>> => {
  const directory = await mkdtemp(join(tmpdir(), "effect-flow-tests-"))
  process.env.EFFECT_FLOW_TEST_SHARED = directory
  return async () => {
    await stopShared(directory)
    await rm(directory, { recursive: true, force: true })
  }
}
