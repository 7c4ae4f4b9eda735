/**
 * What the test files of one run share: a folder for everything they write, the Postgres server that the first of them to
 * need one starts, and the object storage server, which takes long to start: `npm run test:programs` does so at once.
 */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, statfs, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { stopShared } from "../cluster/postgres.ts"
import { named } from "./named.ts"
import * as ObjectServer from "./objectServer.ts"

const root = join(import.meta.dirname, "..", "..")

/** A file system in memory: Linux has one here. */
const memory = "/dev/shm"

/** A run of all tests takes up to a fifth of this, the servers included. */
const neededBytes = 2 * 2 ** 30

/**
 * Where the tests write. On a disk a third of a run went into waiting for it, because the stores wait for every commit; no
 * test takes the power away. So it is memory, where there is enough and nobody chose another place.
 */
const temporary = async (): Promise<string> => {
  if (process.env.TMPDIR !== undefined) return tmpdir()
  const free = await statfs(memory).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0
  )
  return free < neededBytes ? tmpdir() : memory
}

/** What is kept from one run to the next. */
const cache = join(root, "node_modules", ".cache", "effect-flow-tests")

/** Makes a directory the one for temporary files. tsx finds there what it has compiled in earlier runs. */
const writeTo = async (directory: string): Promise<void> => {
  await chmod(directory, 0o1777) // Postgres runs as a user of its own
  const compiled = join(cache, "tsx")
  await mkdir(compiled, { recursive: true })
  await symlink(compiled, join(directory, `tsx-${process.geteuid?.()}`))
  process.env.TMPDIR = directory
}

const prefix = "effect-flow-tests-"

/** A file in a run's folder, with the number of the run's process. */
const ownerFile = "owner"

/** Stops the servers of a run, and removes its folder. */
const end = async (directory: string): Promise<void> => {
  await stopShared(directory)
  await ObjectServer.stopShared(directory)
  await rm(directory, { recursive: true, force: true })
}

const hasEnded = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return false
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "ESRCH" // anything else says that it runs, as another user
  }
}

/** Ends what runs that were killed left in a place: in memory it would stay until the machine starts again. */
const endKilled = async (place: string): Promise<void> => {
  for (const name of await readdir(place)) {
    if (!name.startsWith(prefix)) continue
    const pid = Number(await readFile(join(place, name, ownerFile), "utf8").catch(() => undefined))
    if (pid > 0 && hasEnded(pid)) await end(join(place, name)).catch(() => undefined) // another run may be at it
  }
}

export default async (): Promise<() => Promise<void>> => {
  const place = await temporary()
  await endKilled(place)
  const directory = await mkdtemp(join(place, prefix))
  await writeFile(join(directory, ownerFile), String(process.pid))
  if (place === memory) await writeTo(directory)
  process.env.EFFECT_FLOW_TEST_SHARED = directory
  // The processes that the tests start load the library's source, too, whatever the last build left in `dist`.
  const flags = ["--conditions=effect-flow-source", `--import=${new URL("./resolutions.ts", import.meta.url)}`]
  process.env.NODE_OPTIONS = [process.env.NODE_OPTIONS, ...flags].join(" ").trim()
  // Hundreds of them load the same modules: Node compiles and finds each once.
  process.env.NODE_COMPILE_CACHE ??= cache
  process.env.EFFECT_FLOW_TEST_RESOLUTIONS = join(directory, "resolutions.json")
  if (named.length === 0 && process.env.npm_lifecycle_event === "test:programs" && ObjectServer.isInstalled)
    void ObjectServer.startShared(directory).catch(() => undefined) // the tests that wait for it will say so
  return () => end(directory)
}
