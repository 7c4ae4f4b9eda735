/**
 * A real object storage server for the tests: Ceph's `radosgw` with a monitor and one storage daemon, on loopback, with
 * its objects in memory. It checks signatures and conditional writes like any other. It takes 10 to 25 s to start, so one
 * server serves a whole test run: `npm run test:programs` starts it at once, and only the tests that need it wait for it.
 */
import { execFile, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"
import * as Effect from "effect/Effect"
import * as Client from "../../src/internal/s3/client.ts"
import * as Request from "../../src/internal/s3/request.ts"
import { freePort } from "./port.ts"

const run = promisify(execFile)

const programs = ["radosgw", "radosgw-admin", "ceph-mon", "ceph-osd", "ceph", "monmaptool"]

/** Whether the server can be started here: its programs are installed, and this process may run as root. */
export const isInstalled =
  process.getuid?.() === 0 &&
  programs.every((program) =>
    (process.env.PATH ?? "").split(delimiter).some((directory) => existsSync(join(directory, program)))
  )

if (!isInstalled) {
  console.info(
    "Skipped: the suites on object storage. Install Ceph's gateway (Debian: apt-get install radosgw ceph-mon ceph-osd uuid-runtime) and run as root to run them."
  )
}

/** The credentials that the server knows. */
export const credentials = { accessKeyId: "AK", secretAccessKey: "SK-not-to-be-seen" }

/** A server that is up. */
export interface ObjectServer {
  readonly endpoint: string
  readonly directory: string
  readonly pids: ReadonlyArray<number>
}

const configuration = (directory: string, id: string, monitor: number, port: number): string => `[global]
fsid = ${id}
mon host = v1:127.0.0.1:${monitor}
public network = 127.0.0.0/8
ms bind ipv6 = false
auth cluster required = none
auth service required = none
auth client required = none
auth allow insecure global id reclaim = true
mon warn on insecure global id reclaim allowed = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 2
osd pool default pgp num = 2
mon allow pool size one = true
osd crush chooseleaf type = 0
osd objectstore = memstore
osd class update on start = false
osd crush update on start = false
memstore device bytes = 17179869184
mon max pg per osd = 1000
mon data avail crit = 1
mon data avail warn = 2
run dir = ${directory}/run
admin socket = ${directory}/run/$name.$pid.asok
log file = ${directory}/log/$name.log
pid file = ${directory}/run/$name.pid
[mon.a]
mon data = ${directory}/mon
[osd.0]
osd data = ${directory}/osd
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:${port}
rgw data = ${directory}/rgw
rgw enable usage log = false
rgw gc processor period = 3600
debug rgw = 0
`

/** Starts a server in a directory. It outlives this process: `stop` ends it. */
export const start = async (directory: string): Promise<ObjectServer> => {
  for (const name of ["mon", "osd", "run", "log", "rgw"]) await mkdir(join(directory, name), { recursive: true })
  const [id, storage, monitor, port] = [randomUUID(), randomUUID(), await freePort(), await freePort()]
  const file = join(directory, "ceph.conf")
  const map = join(directory, "monmap")
  await writeFile(file, configuration(directory, id, monitor, port))
  const conf = ["-c", file]
  const env = { ...process.env, CEPH_CONF: file }
  const pids: Array<number> = []
  const daemon = (program: string, ...flags: ReadonlyArray<string>): void => {
    const child = spawn(program, [...conf, ...flags, "-f", "--setuser", "root", "--setgroup", "root"], {
      env,
      stdio: "ignore",
      detached: true
    })
    child.unref()
    if (child.pid !== undefined) pids.push(child.pid)
  }
  await run("monmaptool", ["--create", "--clobber", "--fsid", id, "--addv", "a", `v1:127.0.0.1:${monitor}`, map])
  await Promise.all([
    run("ceph-mon", [...conf, "-i", "a", "--mkfs", "--monmap", map], { env }),
    run(
      "ceph-osd",
      [
        ...conf,
        "-i",
        "0",
        "--mkfs",
        "--no-mon-config",
        "--osd-uuid",
        storage,
        "--setuser",
        "root",
        "--setgroup",
        "root"
      ],
      { env }
    )
  ])
  daemon("ceph-mon", "-i", "a")
  await writeFile(join(directory, "pids"), pids.join("\n"))
  // A monitor that has just started may not answer in time on a busy machine; both commands may be repeated.
  const ask = async (...words: ReadonlyArray<string>): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return void (await run("ceph", [...conf, ...words], { env, timeout: 20_000 }))
      } catch (cause) {
        if (attempt === 5) throw cause
      }
    }
  }
  await ask("osd", "new", storage)
  await ask("osd", "crush", "add", "osd.0", "1", "root=default", "host=h")
  daemon("ceph-osd", "-i", "0")
  await writeFile(join(directory, "pids"), pids.join("\n"))
  const { accessKeyId, secretAccessKey } = credentials
  await run(
    "radosgw-admin",
    [
      ...conf,
      "-n",
      "client.rgw",
      "user",
      "create",
      "--uid=u",
      "--display-name=u",
      `--access-key=${accessKeyId}`,
      `--secret=${secretAccessKey}`
    ],
    { env }
  )
  daemon("radosgw", "-n", "client.rgw")
  await writeFile(join(directory, "pids"), pids.join("\n"))
  const endpoint = `http://127.0.0.1:${port}`
  for (const until = performance.now() + startLimitMs; !(await answers(endpoint)); await sleep(100)) {
    if (performance.now() > until) throw new Error(`the gateway does not answer: see ${directory}/log`)
  }
  return { endpoint, directory, pids }
}

/** Frees the memory of objects that were removed or replaced, which the server would do hours later. */
export const collect = async (directory: string): Promise<void> => {
  const conf = ["-c", join(directory, "ceph.conf"), "-n", "client.rgw"]
  await run("radosgw-admin", [...conf, "gc", "process", "--include-all"])
}

/** A server that takes longer to start does not start at all. */
const startLimitMs = 120_000

const answers = (endpoint: string): Promise<boolean> =>
  fetch(endpoint).then(
    ({ ok }) => ok,
    () => false
  )

/** Stops what `start` started in a directory. */
export const stop = async (directory: string): Promise<void> => {
  const text = await readFile(join(directory, "pids"), "utf8").catch(() => "")
  for (const pid of text
    .split("\n")
    .filter((line) => line !== "")
    .reverse()) {
    try {
      process.kill(Number(pid), "SIGKILL")
    } catch {
      // it has ended
    }
  }
  await rm(directory, { recursive: true, force: true, maxRetries: 5 })
}

/** The folder in which the workers of one test run agree on their server; set by `test/support/sharedServer.ts`. */
const sharedDirectory = process.env.EFFECT_FLOW_TEST_SHARED

const place = (directory: string): string => join(directory, "objects")

/** The server of a test run, or why there is none. */
type Outcome = ObjectServer | { readonly error: string }

/** Starts the server of a test run, unless it was started already. */
export const startShared = async (directory: string): Promise<void> => {
  const first = await mkdir(`${place(directory)}-lock`).then(
    () => true,
    () => false
  )
  if (!first) return
  const data = await mkdtemp(join(tmpdir(), "effect-flow-objects-"))
  await writeFile(`${place(directory)}-directory`, data)
  const outcome: Outcome = await start(data).catch((cause: unknown) => ({ error: String(cause) }))
  await writeFile(`${place(directory)}.new`, JSON.stringify(outcome))
  await rename(`${place(directory)}.new`, `${place(directory)}.json`)
}

export const stopShared = async (directory: string): Promise<void> => {
  const data = await readFile(`${place(directory)}-directory`, "utf8").catch(() => undefined)
  if (data !== undefined) await stop(data)
}

/** The server of a test run: the first test that asks starts it, unless the run has. */
export const shared: Effect.Effect<ObjectServer> = Effect.promise(async () => {
  if (sharedDirectory === undefined) throw new Error("EFFECT_FLOW_TEST_SHARED is not set: run the tests by vitest")
  void startShared(sharedDirectory)
  for (;;) {
    const text = await readFile(`${place(sharedDirectory)}.json`, "utf8").catch(() => undefined)
    if (text !== undefined) {
      const outcome = JSON.parse(text) as Outcome
      if ("error" in outcome) throw new Error(`The object storage server did not start: ${outcome.error}`)
      return outcome
    }
    await sleep(50)
  }
})

/** A bucket of its own on the shared server. */
export interface TestBucket {
  readonly bucket: string
  readonly endpoint: string
  readonly credentials: typeof credentials
}

/** Creates a bucket on a server. It stays until the server ends. */
export const bucketOn = Effect.fnUntraced(function* (endpoint: string): Effect.fn.Return<TestBucket> {
  const made = { bucket: `test-${randomUUID()}`, endpoint, credentials }
  yield* ask(made, { method: "PUT", key: "", action: "s3:CreateBucket" })
  return made
})

/** Creates a bucket on the shared server. */
export const bucket: Effect.Effect<TestBucket> = Effect.flatMap(shared, ({ endpoint }) => bucketOn(endpoint))

/** Sends a request of a test's own. */
export const ask = (place: TestBucket, request: Request.Request) =>
  Effect.suspend(() => {
    const requests = Request.make(place)
    return Effect.ensuring(requests.send(request), Effect.sync(requests.close))
  }).pipe(Effect.orDie)

/** A client of a test's own. */
export const client = (place: TestBucket) =>
  Effect.acquireRelease(
    Effect.sync(() => Client.make(place)),
    ({ close }) => Effect.sync(close)
  )
