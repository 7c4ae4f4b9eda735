/**
 * A Postgres server of a test's own, from the binaries that Debian's `postgresql` (or a `pg_config` in the PATH) installs:
 * on a free port, with its data in a temporary directory, a password, and ways to stop and start it in the middle.
 */
import { execFile, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { chown, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { freePort } from "../support/port.ts"

const run = promisify(execFile)

export const password = "open-sesame"

/** A server that is up. */
export interface Postgres {
  readonly url: string
  readonly directory: string
  readonly stop: Effect.Effect<void>
  readonly start: Effect.Effect<void>
  /** Fills the disk of the tables, or frees it again. Only where the tables have a disk of their own. */
  readonly fillDisk: (isFull: boolean) => Effect.Effect<void>
  /** Executes a statement as the server's owner, on a connection of its own. */
  readonly query: (statement: string) => Promise<void>
}

const findBinaries = async (): Promise<string | undefined> => {
  try {
    return (await run("pg_config", ["--bindir"])).stdout.trim()
  } catch {
    const versions = await readdir("/usr/lib/postgresql").catch(() => [])
    const newest = versions.sort((a, b) => Number(b) - Number(a))[0]
    return newest === undefined ? undefined : `/usr/lib/postgresql/${newest}/bin`
  }
}

/** Where the server's programs are; without them the suites on a cluster are skipped. */
export const binaries: string | undefined = await findBinaries()
if (binaries === undefined) {
  console.info("Skipped: the suites on a cluster. Install Postgres (Debian: apt-get install postgresql) to run them.")
}

/** Postgres refuses to run as root: then it runs as the user that its package made. */
const owner = async (): Promise<{ readonly uid?: number; readonly gid?: number }> => {
  if (process.getuid?.() !== 0) return {}
  const id = async (flag: string) => Number((await run("id", [flag, "postgres"])).stdout)
  return { uid: await id("-u"), gid: await id("-g") }
}

/**
 * Starts a server; it ends with the scope.
 *
 * @param options.durable Whether a commit waits for the disk, as it does in earnest.
 * @param options.settings More flags of the server.
 * @param options.diskMegabytes The size of a disk of the tables' own, which `fillDisk` fills: a file system in memory, for
 *   which this process must be root. The write-ahead log stays elsewhere, or a full disk would stop the server.
 */
export const make = (
  options: {
    readonly durable?: boolean
    readonly settings?: ReadonlyArray<string>
    readonly diskMegabytes?: number
  } = {}
): Effect.Effect<Postgres, never, Scope.Scope> =>
  Effect.gen(function* () {
    const bin = binaries ?? ""
    const directory = yield* Effect.acquireRelease(
      Effect.promise(() => mkdtemp(join(tmpdir(), "effect-flow-postgres-"))),
      (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
    )
    const who = yield* Effect.promise(owner)
    const port = yield* Effect.promise(freePort)
    const data = join(directory, "data")
    if (options.diskMegabytes !== undefined) {
      const flags = `size=${options.diskMegabytes}m,mode=700,uid=${who.uid},gid=${who.gid}`
      yield* Effect.acquireRelease(
        Effect.promise(async () => {
          await mkdir(data)
          await run("mount", ["-t", "tmpfs", "-o", flags, "tmpfs", data])
        }),
        () => Effect.promise(() => run("umount", [data]))
      )
    }
    yield* Effect.promise(async () => {
      const file = join(directory, "password")
      await writeFile(file, password)
      if (who.uid !== undefined && who.gid !== undefined) {
        await chown(directory, who.uid, who.gid)
        await chown(file, who.uid, who.gid)
      }
      const flags = ["-D", data, "-U", "flow", "-A", "scram-sha-256", "--pwfile", file, "-E", "UTF8", "--no-sync"]
      if (options.diskMegabytes !== undefined) flags.push("--waldir", join(directory, "wal"))
      await run(join(bin, "initdb"), flags, who)
    })
    const settings = [`-p ${port}`, `-k ${directory}`, "-c listen_addresses=127.0.0.1", "-c max_connections=300"]
    settings.push(...(options.settings ?? []))
    if (options.durable !== true) settings.push("-c fsync=off")
    const control = (...flags: ReadonlyArray<string>) =>
      Effect.promise(
        () =>
          new Promise<void>((resolve) => {
            const child = spawn(join(bin, "pg_ctl"), ["-D", data, "-w", ...flags], { ...who, stdio: "ignore" })
            child.on("exit", () => resolve())
          })
      )
    const start = control("-o", settings.join(" "), "-l", join(directory, "log"), "start")
    const stop = control("-m", "immediate", "stop")
    yield* Effect.acquireRelease(start, () => stop)
    const url = `postgres://flow:${password}@127.0.0.1:${port}/postgres`
    const query = async (statement: string) => void (await run(join(bin, "psql"), [url, "-qc", statement]))
    const fillDisk = (isFull: boolean) =>
      Effect.promise(async () => {
        const file = join(data, "filler")
        if (!isFull) return rm(file, { force: true })
        await run("dd", ["if=/dev/zero", `of=${file}`, "bs=64k"]).catch(() => "the disk is full")
      })
    return { url, directory, stop, start, query, fillDisk }
  })

/** The folder in which the workers of one test run agree on their shared server; set by `test/support/sharedServer.ts`. */
const sharedDirectory = process.env.EFFECT_FLOW_TEST_SHARED

/**
 * The URL of one server for all test files of a run: the first file that asks starts it, and the run's end stops it.
 * For tests that create what they need in it and never stop it.
 */
export const shared: Effect.Effect<string> = Effect.promise(async () => {
  if (sharedDirectory === undefined) throw new Error("EFFECT_FLOW_TEST_SHARED is not set: run the tests by vitest")
  const file = join(sharedDirectory, "url")
  const first = await mkdir(join(sharedDirectory, "lock")).then(
    () => true,
    () => false
  )
  if (first) {
    const { directory, url } = await Effect.runPromise(startShared)
    await writeFile(`${file}.new`, JSON.stringify({ directory, url }))
    await rename(`${file}.new`, file)
    return url
  }
  for (;;) {
    const text = await readFile(file, "utf8").catch(() => undefined)
    if (text !== undefined) return (JSON.parse(text) as { readonly url: string }).url
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
})

/** A server that outlives this process: its scope is never closed, and `stopShared` ends it. */
const startShared = Effect.suspend(() => Scope.provide(make(), Scope.makeUnsafe()))

/** Stops the shared server, if any test asked for it. */
export const stopShared = async (directory: string): Promise<void> => {
  const text = await readFile(join(directory, "url"), "utf8").catch(() => undefined)
  if (text === undefined) return
  const started = JSON.parse(text) as { readonly directory: string }
  const words = ["-D", join(started.directory, "data"), "-m", "immediate", "stop"]
  await run(join(binaries ?? "", "pg_ctl"), words, await owner()).catch(() => "it has ended")
  await rm(started.directory, { recursive: true, force: true })
}

/** The URL of a database of its own on the shared server. */
export const database: Effect.Effect<string> = Effect.gen(function* () {
  const url = new URL(yield* shared)
  const name = `test_${randomUUID().replaceAll("-", "")}`
  yield* Effect.promise(() => run(join(binaries ?? "", "psql"), [url.href, "-qc", `CREATE DATABASE ${name}`]))
  url.pathname = `/${name}`
  return url.href
})

const unstoppable = new Error("This server is shared by all test files: ask for one of its own to stop it.")

/** A database of its own on the shared server, in the form of a server: whatever would disturb the others fails. */
export const onShared: Effect.Effect<Postgres> = Effect.map(database, (url) => ({
  url,
  directory: "",
  stop: Effect.die(unstoppable),
  start: Effect.die(unstoppable),
  fillDisk: () => Effect.die(unstoppable),
  query: () => Promise.reject(unstoppable)
}))
