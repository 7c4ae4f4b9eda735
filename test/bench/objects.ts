/**
 * What object storage costs: one large artifact put and got beside curl's transfer of the same bytes, with the memory
 * that it takes, and many of 100 kB beside a bare loop of signed requests. All against a server of its own on loopback,
 * in one run, so that the ratios mean something on a busy machine.
 *
 * A store checks more than curl does: an upload is signed with the digests of its bytes, which the server compares, and
 * what comes down is hashed. So a second figure is that of curl and `openssl dgst`, which come to the same guarantee.
 *
 * Run it with `tsx --conditions=effect-flow-source test/bench/objects.ts [GIGABYTES]`, after `npm run build:library`: the
 * large transfers run on the built package. The server keeps objects in memory: without enough, the large artifact is
 * smaller, and the bench says so.
 */
import { execFile } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { mkdtemp, open, readFile, rm } from "node:fs/promises"
import { stripTypeScriptTypes } from "node:module"
import { freemem, tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import * as Effect from "effect/Effect"
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

/** Curl with its own signature of a request. Without a hash of the body, the server checks none. */
const curl = (digest: string | undefined, ...words: ReadonlyArray<string>) =>
  run("curl", [...curlWords(digest), ...words])

const curlWords = (digest: string | undefined): ReadonlyArray<string> => [
  ...["-sS", "-f", "--aws-sigv4", "aws:amz:us-east-1:s3"],
  ...["--user", `${ObjectServer.credentials.accessKeyId}:${ObjectServer.credentials.secretAccessKey}`],
  ...["-H", `x-amz-content-sha256: ${digest ?? "UNSIGNED-PAYLOAD"}`]
]

const hashOf = async (path: string): Promise<string> =>
  (await run("openssl", ["dgst", "-sha256", "-r", path])).stdout.slice(0, 64)

/** What a process that puts or gets one artifact reports. */
interface Report {
  readonly seconds: number
  readonly digest: string
  readonly peakMegabytes: number
  /** Before the transfer, when the store is open. */
  readonly baseMegabytes: number
}

const root = join(import.meta.dirname, "..", "..")

/** Puts or gets one artifact in a process of its own, whose memory is measured. See `transfer.ts`. */
const transfer = async (
  place: ObjectServer.TestBucket,
  runs: string,
  what: "put" | "file" | "stream",
  value: string
) => {
  const program = stripTypeScriptTypes(await readFile(join(import.meta.dirname, "transfer.ts"), "utf8"))
  const { stdout } = await run(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", program],
    {
      cwd: root,
      env: { ...process.env, NODE_OPTIONS: "", TRANSFER: JSON.stringify({ place, runs, what, value }) }
    }
  )
  return JSON.parse(stdout) as Report // as transfer.ts prints it
}

const large = async (
  place: ObjectServer.TestBucket,
  server: string,
  directory: string,
  wanted: number
): Promise<void> => {
  const fits = Math.floor((freemem() * 0.35) / 1e8) * 1e8 // curl's copy and ours
  const size = Math.min(wanted, fits)
  if (size < wanted) console.log(`Free memory allows ${size / 1e9} GB instead of ${wanted / 1e9} GB.`)
  const path = join(directory, "large.bin")
  const got = join(directory, "got.bin")
  await fileOf(path, size)
  const url = `${place.endpoint}/${place.bucket}/curl`
  const line = (name: string, ours: Report, theirs: number, hashed: number): void =>
    console.log(
      `${name} of ${size / 1e9} GB: ${ours.seconds.toFixed(1)} s, curl ${theirs.toFixed(1)} s, ratio ${(ours.seconds / theirs).toFixed(2)}, beside curl and a hash ${(ours.seconds / hashed).toFixed(2)}; at most ${ours.peakMegabytes.toFixed(0)} MB of memory, ${ours.baseMegabytes.toFixed(0)} before`
    )

  const [curlPut] = await seconds(() => curl(undefined, "-T", path, url))
  await ObjectServer.collect(server)
  const [checkedPut] = await seconds(async () => curl(await hashOf(path), "-T", path, url))
  await ObjectServer.collect(server)
  const put = await transfer(place, directory, "put", path)
  line("put", put, curlPut, checkedPut)
  await rm(path)

  const [curlGet] = await seconds(() => curl(undefined, "-o", got, url))
  const [hashing] = await seconds(() => hashOf(got))
  await rm(got)
  line("get into a file", await transfer(place, directory, "file", put.digest), curlGet, curlGet + hashing)

  const [curlStream] = await seconds(() => curl(undefined, "-o", "/dev/null", url))
  const [hashedStream] = await seconds(() =>
    run("sh", ["-c", '"$@" | openssl dgst -sha256', "sh", "curl", ...curlWords(undefined), url])
  )
  line("get as a stream", await transfer(place, directory, "stream", put.digest), curlStream, hashedStream)
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
    await large(place, join(directory, "server"), directory, Number(process.argv[2] ?? 5) * 1e9)
  } finally {
    await ObjectServer.stop(join(directory, "server"))
    await rm(directory, { recursive: true, force: true })
  }
}

if (import.meta.main) await main()
