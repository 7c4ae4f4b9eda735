/**
 * What object storage costs: one large artifact put and read beside curl's transfer of the same bytes, with the memory
 * that it takes, and many of 100 kB beside a bare loop of signed requests. All against a server of its own on loopback,
 * in one run, so that the ratios mean something on a busy machine.
 *
 * Run it with `tsx test/bench/objects.ts [GIGABYTES]`. The server keeps objects in memory: without enough, the large
 * artifact is smaller, and the bench says so.
 */
import { execFile, spawn } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { mkdtemp, open, rm } from "node:fs/promises"
import { freemem, tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ArtifactStore } from "../../src/ArtifactStore.ts"
import * as Client from "../../src/internal/s3/client.ts"
import * as Storage from "../../src/Storage.ts"
import * as ObjectServer from "../support/objectServer.ts"

const run = promisify(execFile)

/** A file of random bytes. */
const fileOf = async (path: string, size: number): Promise<void> => {
  const block = randomBytes(64 * 1024 * 1024)
  const file = await open(path, "w")
  for (let at = 0; at < size; at += block.length) {
    block.writeDoubleLE(at, 0)
    await file.write(block.subarray(0, Math.min(block.length, size - at)))
  }
  await file.close()
}

const seconds = async <A>(work: () => Promise<A>): Promise<readonly [number, A]> => {
  const start = performance.now()
  const result = await work()
  return [(performance.now() - start) / 1000, result]
}

/** Curl's own signature of a request, without a hash of the body. */
const curl = (...words: ReadonlyArray<string>) =>
  run("curl", [
    ...["-sS", "-f", "--aws-sigv4", "aws:amz:us-east-1:s3"],
    ...["--user", `${ObjectServer.credentials.accessKeyId}:${ObjectServer.credentials.secretAccessKey}`],
    ...["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "-o", "/dev/null", ...words]
  ])

/** What a process that puts or reads one artifact reports. */
interface Report {
  readonly seconds: number
  readonly digest: string
  readonly peakMegabytes: number
  /** Before the transfer, when the store is open. */
  readonly baseMegabytes: number
}

/** Puts or reads one artifact in a process of its own, whose memory is measured. */
const child = async (place: ObjectServer.TestBucket, runs: string, what: "put" | "get", value: string) => {
  const started = spawn(
    process.execPath,
    [...process.execArgv, fileURLToPath(import.meta.url), JSON.stringify({ place, runs, what, value })],
    {
      stdio: ["ignore", "pipe", "inherit"]
    }
  )
  let output = ""
  for await (const chunk of started.stdout) output += String(chunk)
  return JSON.parse(output) as Report
}

const asChild = async (text: string): Promise<void> => {
  const { place, runs, value, what } = JSON.parse(text)
  const work = Effect.gen(function* () {
    const store = yield* ArtifactStore
    const baseMegabytes = process.memoryUsage.rss() / 1e6
    const start = performance.now()
    let digest = value
    if (what === "put") digest = (yield* store.putFile(value)).digest
    else yield* Stream.runDrain(store.stream(value))
    return { digest, baseMegabytes, seconds: (performance.now() - start) / 1000 }
  })
  const result = await Effect.runPromise(Effect.provide(work, Storage.layerS3({ ...place, runs, valueBytes: 0 })))
  console.log(JSON.stringify({ ...result, peakMegabytes: process.resourceUsage().maxRSS / 1000 }))
}

const large = async (place: ObjectServer.TestBucket, directory: string, wanted: number): Promise<void> => {
  const fits = Math.floor((freemem() * 0.35) / 1e8) * 1e8 // curl's copy and ours
  const size = Math.min(wanted, fits)
  if (size < wanted) console.log(`Free memory allows ${size / 1e9} GB instead of ${wanted / 1e9} GB.`)
  const path = join(directory, "large.bin")
  await fileOf(path, size)
  const url = `${place.endpoint}/${place.bucket}/curl`
  const [curlPut] = await seconds(() => curl("-T", path, url))
  const put = await child(place, directory, "put", path)
  const [curlGet] = await seconds(() => curl(url))
  const get = await child(place, directory, "get", put.digest)
  const line = (name: string, ours: Report, theirs: number): void =>
    console.log(
      `${name} of ${size / 1e9} GB: ${ours.seconds.toFixed(1)} s, curl ${theirs.toFixed(1)} s, ratio ${(ours.seconds / theirs).toFixed(2)}; at most ${ours.peakMegabytes.toFixed(0)} MB of memory, ${ours.baseMegabytes.toFixed(0)} before`
    )
  line("put", put, curlPut)
  line("get", get, curlGet)
}

const many = async (place: ObjectServer.TestBucket, directory: string): Promise<void> => {
  const count = 1000
  const concurrency = 16
  const bytesOf = (kind: number, index: number): Uint8Array => {
    const bytes = new Uint8Array(100_000)
    bytes.set(new TextEncoder().encode(`${kind}/${index}`))
    return bytes
  }
  const client = Client.make(place)
  const bare = (kind: number) =>
    Effect.forEach(
      Array.from({ length: count }, (_, index) => bytesOf(kind, index)),
      (bytes) => {
        const digest = createHash("sha256").update(bytes).digest("hex")
        return client.put(`bare/${digest}`, { body: [bytes], size: bytes.length, digest }, { isNew: false })
      },
      { concurrency, discard: true }
    )
  const stored = (kind: number) =>
    Effect.flatMap(ArtifactStore, (store) =>
      Effect.forEach(
        Array.from({ length: count }, (_, index) => bytesOf(kind, index)),
        (bytes) => store.put([bytes]),
        { concurrency, discard: true }
      )
    )
  const layer = Storage.layerS3({ ...place, runs: join(directory, "many"), valueBytes: 0 })
  const program = Effect.gen(function* () {
    yield* bare(0) // warms both
    yield* stored(1)
    let [ours, theirs] = [0, 0]
    for (let round = 2; round < 6; round += 2) {
      const start = performance.now()
      yield* bare(round)
      const middle = performance.now()
      yield* stored(round + 1)
      theirs += middle - start
      ours += performance.now() - middle
    }
    console.log(
      `2 × ${count} artifacts of 100 kB: ${Math.round((2 * count) / (ours / 1000))} a second, a bare loop of signed requests ${Math.round((2 * count) / (theirs / 1000))}, ratio ${(theirs / ours).toFixed(2)}`
    )
  })
  await Effect.runPromise(Effect.provide(program, layer))
  client.close()
}

const main = async (): Promise<void> => {
  const directory = await mkdtemp(join(tmpdir(), "effect-flow-bench-"))
  const { endpoint } = await ObjectServer.start(join(directory, "server"))
  try {
    const place = await Effect.runPromise(ObjectServer.bucketOn(endpoint))
    await many(place, directory)
    await large(place, directory, Number(process.argv[2] ?? 5) * 1e9)
  } finally {
    await ObjectServer.stop(join(directory, "server"))
    await rm(directory, { recursive: true, force: true })
  }
}

if (import.meta.main) await (process.argv[2]?.startsWith("{") === true ? asChild(process.argv[2]) : main())
