/**
 * What object storage costs: one large artifact put and got beside curl's transfer of the same bytes, with the memory
 * that it takes, and many of 100 kB beside a bare loop of signed requests. All against a server of its own on loopback,
 * in one run, so that the ratios mean something on a busy machine.
 *
 * A store checks more than curl does: an upload is signed with the digests of its bytes, which the server compares, and
 * what comes down is hashed. So a second figure is that of curl and `openssl dgst`, which come to the same guarantee.
 *
 * Run it with `tsx --conditions=effect-flow-source test/bench/objects.ts [GIGABYTES [ROUNDS]]`, after
 * `npm run build:library`: the large transfers run on the built package. The server keeps objects in memory, one large one
 * at a time: without enough, the large artifact is smaller, and the bench says so.
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
  await run("sync") // the system does not write what another transfer left
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

/** The seconds that something took in each round. */
class Times {
  readonly #all: Array<number> = []
  add(seconds: number): void {
    this.#all.push(seconds)
  }
  /** The middle one. */
  get median(): number {
    return this.#all.toSorted((one, other) => one - other)[Math.floor(this.#all.length / 2)] ?? Number.NaN
  }
}

/** One kind of transfer, beside curl's, and curl's with a hash of the bytes. */
class Comparison {
  readonly #ours = new Times()
  readonly #curl = new Times()
  readonly #hashed = new Times()
  #peak = 0
  #base = 0
  add(report: Report, curl: number, hashed: number): void {
    this.#ours.add(report.seconds)
    this.#curl.add(curl)
    this.#hashed.add(hashed)
    this.#peak = Math.max(this.#peak, report.peakMegabytes)
    this.#base = Math.max(this.#base, report.baseMegabytes)
  }
  show(name: string): void {
    const [ours, curl, hashed] = [this.#ours.median, this.#curl.median, this.#hashed.median]
    console.log(
      `${name}: ${ours.toFixed(1)} s, curl ${curl.toFixed(1)} s, ratio ${(ours / curl).toFixed(2)}, beside curl and a hash ${(ours / hashed).toFixed(2)}; at most ${this.#peak.toFixed(0)} MB of memory, ${this.#base.toFixed(0)} before`
    )
  }
}

const large = async (
  place: ObjectServer.TestBucket,
  server: string,
  directory: string,
  wanted: number,
  rounds: number
): Promise<void> => {
  const fits = Math.floor((freemem() * 0.6) / 1e8) * 1e8 // one object, and its file in the system's cache
  const size = Math.min(wanted, fits)
  if (size < wanted) console.log(`Free memory allows ${size / 1e9} GB instead of ${wanted / 1e9} GB.`)
  const path = join(directory, "large.bin")
  const got = join(directory, "got.bin")
  await fileOf(path, size)
  const digest = await hashOf(path)
  const url = (key: string): string => `${place.endpoint}/${place.bucket}/${key}`
  const [byCurl, byUs] = [url("curl"), url(`${digest.slice(0, 2)}/${digest}`)]
  /** Puts once and makes room for the next. */
  const timed = async (work: () => Promise<unknown>): Promise<number> => {
    const [time] = await seconds(work)
    await curl(undefined, "-X", "DELETE", byCurl)
    await ObjectServer.collect(server)
    return time
  }

  const [put, file, stream] = [new Comparison(), new Comparison(), new Comparison()]
  for (let round = 0; round < rounds; round++) {
    await curl(undefined, "-X", "DELETE", byUs)
    await ObjectServer.collect(server)
    const curlPut = await timed(() => curl(undefined, "-T", path, byCurl))
    const checkedPut = await timed(async () => curl(await hashOf(path), "-T", path, byCurl))
    await run("sync")
    put.add(await transfer(place, directory, "put", path), curlPut, checkedPut)

    const [curlGet] = await seconds(() => curl(undefined, "-o", got, byUs))
    const [hashing] = await seconds(() => hashOf(got))
    await rm(got)
    await run("sync")
    file.add(await transfer(place, directory, "file", digest), curlGet, curlGet + hashing)

    const [curlStream] = await seconds(() => curl(undefined, "-o", "/dev/null", byUs))
    const [hashedStream] = await seconds(() =>
      run("sh", ["-c", '"$@" | openssl dgst -sha256', "sh", "curl", ...curlWords(undefined), byUs])
    )
    stream.add(await transfer(place, directory, "stream", digest), curlStream, hashedStream)
  }
  const what = `of ${size / 1e9} GB, the median of ${rounds}`
  put.show(`put ${what}`)
  file.show(`get into a file ${what}`)
  stream.show(`get as a stream ${what}`)
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
    const [gigabytes = 5, rounds = 3] = process.argv.slice(2).map(Number)
    await large(place, join(directory, "server"), directory, gigabytes * 1e9, rounds)
  } finally {
    await ObjectServer.stop(join(directory, "server"))
    await rm(directory, { recursive: true, force: true })
  }
}

if (import.meta.main) await main()
