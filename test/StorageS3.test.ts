/** A store with a bucket: what goes wrong when it is opened, healing, uploads, garbage collection, the cache, secrets. */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { closeSync, existsSync, ftruncateSync, openSync, readdirSync, truncateSync, writeSync } from "node:fs"
import * as Fs from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { ArtifactStore } from "../src/ArtifactStore.ts"
import * as Copy from "../src/Copy.ts"
import * as Flow from "../src/Flow.ts"
import * as Gc from "../src/Gc.ts"
import * as Storage from "../src/Storage.ts"
import * as Verify from "../src/Verify.ts"
import { LargeFlow } from "./cli/fixtures/large.ts"
import { temporaryDirectory } from "./support/directory.ts"
import { environment } from "./support/environment.ts"
import * as FaultProxy from "./support/faultProxy.ts"
import * as ObjectServer from "./support/objectServer.ts"

const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

const filled = (size: number, value: number): Uint8Array => new Uint8Array(size).fill(value)

const keyOf = (digest: string): string => `${digest.slice(0, 2)}/${digest}`

/** Writes one byte. */
const overwrite = (path: string, at: number): void => {
  const file = openSync(path, "r+")
  writeSync(file, "x", at)
  closeSync(file)
}

/** Writes a file of zeros in which each mebibyte has a number of its own. It takes no time: the zeros are holes. */
const writeLarge = (path: string, size: number): void => {
  const file = openSync(path, "w")
  ftruncateSync(file, size)
  for (let at = 0; at < size - 8; at += 2 ** 20) writeSync(file, String(at).padStart(8, "0"), at)
  closeSync(file)
}

/** The sizes of a file that is stored in one request, and of one that is stored in more parts than are sent at once. */
const inOneRequest = 24_000_000
const inParts = 70_000_000

type Options = Partial<Parameters<typeof Storage.layerS3>[0]>

/** A store of a test's own. */
const store = Effect.fnUntraced(function* (options: Options = {}) {
  const place = yield* ObjectServer.bucket
  const runs = yield* temporaryDirectory
  return { place, runs, layer: Storage.layerS3({ ...place, runs, ...options }) }
})

const put = Effect.fnUntraced(function* (place: ObjectServer.TestBucket, key: string, bytes: Uint8Array) {
  const client = yield* ObjectServer.client(place)
  yield* client.put(key, { body: [bytes], size: bytes.length, digest: digestOf(bytes) }, { isNew: false })
})

/** The keys of a bucket, apart from the marks of the databases that use it. */
const keys = Effect.fnUntraced(function* (place: ObjectServer.TestBucket) {
  const client = yield* ObjectServer.client(place)
  return (yield* client.list("")).items.flatMap(({ key }) => (/(?:^|\/)databases\//.test(key) ? [] : [key]))
})

describe("an address that is no bucket's", () => {
  const why = (options: Options) =>
    Effect.flatMap(temporaryDirectory, (runs) =>
      Effect.map(
        Effect.flip(Effect.provide(ArtifactStore, Storage.layerS3({ bucket: "flows", runs, ...options }))),
        ({ message }) => message
      )
    )
  it.effect("is refused before anything is asked", () =>
    Effect.gen(function* () {
      assert.include(yield* why({ bucket: "a/b" }), `"a/b" can't be the name of a bucket`)
      const secret = yield* why({ endpoint: "http://ada:secret@host" })
      assert.include(secret, "must not contain a user name or a password")
      assert.notInclude(secret, "secret@")
      assert.include(yield* why({ endpoint: "host:9000" }), `"host:9000" is not the URL of an object storage server`)
      assert.include(yield* why({ prefix: "../other" }), `"../other" can't be a key`)
      assert.include(yield* why({ prefix: "a\nb" }), `The prefix "a\\nb" must not have control characters`)
      yield* environment({ AWS_ENDPOINT_URL_S3: "http://ada:secret@host" })
      const inEnvironment = yield* why({})
      assert.include(inEnvironment, "the URL of an object storage server must not contain a user name or a password")
      assert.notInclude(inEnvironment, "secret@")
    })
  )
})

describe.skipIf(!ObjectServer.isInstalled)("a store with a bucket", () => {
  it.live("says in a sentence why a bucket can't be used", () =>
    Effect.gen(function* () {
      const { place, runs } = yield* store()
      const why = (options: Options) =>
        Effect.map(
          Effect.flip(Effect.provide(ArtifactStore, Storage.layerS3({ ...place, runs, ...options }))),
          ({ message }) => message
        )
      const { bucket, endpoint } = place
      assert.strictEqual(
        yield* why({ bucket: "no-such-bucket", prefix: "nlp" }),
        `The artifacts in s3://no-such-bucket/nlp can't be used: there is no bucket "no-such-bucket" at ${endpoint}. Create it, or correct its name.`
      )
      const keys = ObjectServer.credentials
      const wrongSecret = yield* why({ credentials: { ...keys, secretAccessKey: "another-secret" } })
      assert.include(wrongSecret, "the secret access key does not belong to the access key")
      assert.notInclude(wrongSecret, "another-secret")
      assert.include(
        yield* why({ credentials: { ...keys, accessKeyId: "AKUNKNOWN" } }),
        `${endpoint} does not know the access key`
      )
      assert.include(
        yield* why({ endpoint: "http://127.0.0.1:9" }),
        "nothing listens at 127.0.0.1:9 (ECONNREFUSED), after 3 attempts"
      )
      const policy = {
        Version: "2012-10-17",
        Statement: [{ Effect: "Deny", Principal: "*", Action: "s3:ListBucket", Resource: `arn:aws:s3:::${bucket}` }]
      }
      yield* ObjectServer.ask(place, {
        method: "PUT",
        key: "",
        query: { policy: "" },
        body: [new TextEncoder().encode(JSON.stringify(policy))],
        action: "s3:PutBucketPolicy"
      })
      assert.include(
        yield* why({}),
        `the credentials do not allow s3:ListBucket on the bucket "${bucket}" (AccessDenied)`
      )
    })
  )

  it.live("keeps small artifacts in the database, and large ones under their digests", () =>
    Effect.gen(function* () {
      const { layer, place } = yield* store({ prefix: "team/flows" })
      const total = Effect.flatMap(Flow.run(LargeFlow, {}), ({ output }) => output.total)
      assert.strictEqual(yield* Effect.provide(total, layer), 200_000)
      const digest = digestOf(filled(200_000, 7))
      assert.deepStrictEqual(yield* keys(place), [`team/flows/${keyOf(digest)}`])
    })
  )

  it.live("uploads large files in parts, and leaves nothing behind when it is interrupted", () =>
    Effect.gen(function* () {
      const { layer, place, runs } = yield* store()
      const path = join(runs, "large.bin")
      writeLarge(path, inParts)
      yield* Effect.gen(function* () {
        const artifacts = yield* ArtifactStore
        const client = yield* ObjectServer.client(place)
        const uploads = Effect.map(client.uploads(""), ({ items }) => items.length)
        const fiber = yield* Effect.forkChild(artifacts.putFile(path))
        yield* Effect.repeat(uploads, { until: (count) => count > 0 })
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(yield* uploads, 0)
        assert.deepStrictEqual(yield* keys(place), [])

        const { digest, size } = yield* artifacts.putFile(path)
        assert.deepStrictEqual(yield* keys(place), [keyOf(digest)])
        for (const reuse of [false, true]) {
          const arrays = new Set<ArrayBufferLike>()
          const hash = yield* Stream.runFold(
            artifacts.stream(digest, undefined, { reuse }),
            () => createHash("sha256"),
            (hash, part) => {
              arrays.add(part.buffer)
              return hash.update(part)
            }
          )
          assert.strictEqual(hash.digest("hex"), digest)
          assert.strictEqual(arrays.size < 10, reuse, `${arrays.size} arrays`)
        }
        assert.strictEqual(size, inParts)
        assert.deepStrictEqual(yield* artifacts.touch([{ digest, size }]), new Set([digest]))
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.scoped)
  )

  it.live("refuses a file that changes while it is stored, and leaves nothing of it", () =>
    Effect.gen(function* () {
      const { place, runs } = yield* store()
      const path = join(runs, "large.bin")
      let change: (() => void) | undefined
      const proxy = yield* FaultProxy.make(place.endpoint, ({ method, url }) => {
        const isArtifact = !url.includes("/databases/")
        if (isArtifact && (method === "PUT" || method === "POST")) change?.()
        return "none"
      })
      const layer = Storage.layerS3({ ...place, endpoint: proxy.endpoint, runs })
      yield* Effect.gen(function* () {
        const artifacts = yield* ArtifactStore
        const client = yield* ObjectServer.client(place)
        for (const size of [inOneRequest, inParts]) {
          for (const changes of [() => truncateSync(path, size / 2), () => overwrite(path, size - 1)]) {
            writeLarge(path, size)
            change = () => {
              change = undefined
              changes()
            }
            const { message, reason } = yield* Effect.flip(artifacts.putFile(path))
            assert.strictEqual(reason, "unreadable")
            assert.include(message, `The file ${path} changed while it was being stored`)
          }
        }
        assert.deepStrictEqual(yield* keys(place), [])
        assert.deepStrictEqual((yield* client.uploads("")).items, [])
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.scoped)
  )

  it.live("has one object where twenty write the same artifact at once", () =>
    Effect.gen(function* () {
      const { layer, place, runs } = yield* store()
      const bytes = filled(300_000, 3)
      // Ten in this process, and ten each with a client of its own.
      const one = Effect.flatMap(ArtifactStore, (artifacts) => artifacts.put([bytes]))
      const others = Array.from({ length: 10 }, () =>
        Effect.provide(one, Layer.fresh(Storage.layerS3({ ...place, runs })))
      )
      const addresses = yield* Effect.provide(
        Effect.all([...Array.from({ length: 10 }, () => one), ...others], { concurrency: "unbounded" }),
        layer
      )
      assert.deepStrictEqual(new Set(addresses.map(({ digest }) => digest)), new Set([digestOf(bytes)]))
      assert.deepStrictEqual(yield* keys(place), [keyOf(digestOf(bytes))])
    }).pipe(Effect.scoped)
  )

  it.live("finds altered and lost objects, names their runs, and heals them", () =>
    Effect.gen(function* () {
      const { layer, place } = yield* store({ valueBytes: 0 })
      const bytes = filled(200_000, 7)
      const key = keyOf(digestOf(bytes))
      yield* Effect.gen(function* () {
        const { id } = yield* Flow.run(LargeFlow, {})
        const artifacts = yield* ArtifactStore
        yield* put(place, key, filled(200_000, 8)) // as long, and wrong
        const [fault] = (yield* Verify.check()).faults
        assert.strictEqual(fault?.kind, "altered")
        assert.deepStrictEqual(fault?.runs, [id])
        assert.include(fault?.message, `s3://${place.bucket}/${key}`)
        assert.strictEqual((yield* Effect.flip(artifacts.get(digestOf(bytes)))).reason, "altered")
        assert.deepStrictEqual(yield* artifacts.touch([digestOf(bytes)]), new Set())

        // The right bytes at hand replace them.
        yield* artifacts.put([bytes])
        assert.deepStrictEqual(yield* artifacts.get(digestOf(bytes)), bytes)
        assert.deepStrictEqual((yield* Verify.check()).faults, [])

        // A lifecycle rule removes it.
        yield* ObjectServer.ask(place, { method: "DELETE", key, action: "s3:DeleteObject" })
        const [lost] = (yield* Verify.check()).faults
        assert.strictEqual(lost?.kind, "missing")
        assert.deepStrictEqual(lost?.runs, [id])
        assert.include(lost?.advice, `Resume run ${id}`)
        const resumed = yield* Flow.resume(LargeFlow, { origin: id })
        assert.strictEqual(yield* resumed.output.total, 200_000)
        assert.deepStrictEqual((yield* Verify.check()).faults, [])
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.scoped)
  )

  it.live("collects garbage: what no run needs, unknown uploads, nothing that is wanted", () =>
    Effect.gen(function* () {
      const prefix = "p ü+%2F?#&<'//x"
      const { layer, place } = yield* store({ prefix: `/${prefix}/` })
      yield* Effect.gen(function* () {
        const artifacts = yield* ArtifactStore
        const client = yield* ObjectServer.client(place)
        const first = yield* Flow.run(LargeFlow, { size: 100_000 })
        yield* Flow.run(LargeFlow, { size: 200_000 })
        yield* artifacts.put([filled(300_000, 1)])
        yield* client.beginUpload(`${prefix}/${keyOf(digestOf(filled(1, 1)))}`)
        yield* put(place, `${prefix}/notes.txt`, filled(10, 1))
        const options = { keepRuns: 1, grace: 0 }
        const planned = yield* Gc.collect({ ...options, dryRun: true })
        assert.deepStrictEqual([planned.runs, planned.artifacts > 1, planned.bytes > 400_000], [[first.id], true, true])
        assert.strictEqual((yield* keys(place)).length, 4)
        const collected = yield* Gc.collect(options)
        assert.deepStrictEqual({ ...collected, dryRun: true }, planned)
        assert.deepStrictEqual(yield* keys(place), [
          `${prefix}/${keyOf(digestOf(filled(200_000, 7)))}`,
          `${prefix}/notes.txt`
        ])
        assert.deepStrictEqual((yield* client.uploads("")).items, [])
        assert.deepStrictEqual((yield* Verify.check()).faults, [])
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.scoped)
  )

  it.live("collects no garbage where another database keeps artifacts, too", () =>
    Effect.gen(function* () {
      const { layer, place } = yield* store({ prefix: "team" })
      const other = Storage.layerS3({ ...place, prefix: "team", runs: yield* temporaryDirectory })
      const { digest } = yield* Effect.provide(
        Effect.flatMap(ArtifactStore, (artifacts) => artifacts.put([filled(300_000, 1)])),
        layer
      )
      const collect = Gc.collect({ grace: 0 })
      const refused = yield* Effect.flip(Effect.provide(collect, other))
      assert.match(
        refused.message,
        /^No artifacts were removed from s3:\/\/[^/]+\/team: 2 run databases keep artifacts there, .* remove s3:\/\/[^/]+\/team\/databases\/\w+\.$/
      )
      assert.strictEqual(
        (yield* Effect.flip(Effect.provide(Gc.collect({ dryRun: true }), other)))._tag,
        "ArtifactError"
      )
      // The one that was there first removes what is its own, until the other has kept something, or found it there.
      assert.strictEqual((yield* Effect.provide(Gc.collect({ grace: 0, dryRun: true }), layer)).artifacts, 1)
      yield* Effect.provide(
        Effect.flatMap(ArtifactStore, (artifacts) => artifacts.touch([digest])),
        other
      )
      const [refusedToo] = [yield* Effect.flip(Effect.provide(collect, layer))]
      assert.include(refusedToo.message, "2 run databases")
      // As the message says.
      const client = yield* ObjectServer.client(place)
      yield* client.remove([refusedToo.message.slice(refusedToo.message.indexOf("team/databases/"), -1)])
      assert.strictEqual((yield* Effect.provide(collect, layer)).artifacts, 1)
      assert.deepStrictEqual(yield* keys(place), [])
    }).pipe(Effect.scoped)
  )

  it.live("says where a database's mark can't be left, and keeps nothing there without one", () =>
    Effect.gen(function* () {
      const { place, runs } = yield* store({ prefix: "team" })
      const proxy = yield* FaultProxy.make(place.endpoint, ({ method, url }) =>
        method === "PUT" && url.includes("/databases/") ? "expired" : "none"
      )
      const { message } = yield* Effect.flip(
        Effect.provide(
          Effect.flatMap(ArtifactStore, (artifacts) => artifacts.put([filled(300_000, 1)])),
          Storage.layerS3({ ...place, prefix: "team", endpoint: proxy.endpoint, runs })
        )
      )
      assert.match(
        message,
        /^This run database can't leave its mark in s3:\/\/[^/]+\/team\/databases\/?, which .*: the credentials have expired/
      )
      assert.deepStrictEqual(yield* keys(place), [])
    }).pipe(Effect.scoped)
  )

  it.live("aborts no upload whose writer is still at it, and removes nothing once it was held up", () =>
    Effect.gen(function* () {
      const { layer, place } = yield* store()
      yield* Effect.gen(function* () {
        const artifacts = yield* ArtifactStore
        const client = yield* ObjectServer.client(place)
        const [left, written] = [digestOf(filled(1, 1)), digestOf(filled(1, 2))]
        yield* client.beginUpload(keyOf(left))
        yield* client.beginUpload(keyOf(written))
        const begun = yield* Clock.currentTimeMillis
        const before = yield* Effect.repeat(Clock.currentTimeMillis, { until: (time) => time > begun })
        yield* artifacts.touch([written])
        yield* artifacts.sweep({ keep: new Set(), before })
        assert.deepStrictEqual(
          (yield* client.uploads("")).items.map(({ key }) => key),
          [keyOf(written)]
        )

        yield* put(place, keyOf(left), filled(1, 1))
        const error = yield* Effect.flip(client.remove([keyOf(left)], before))
        assert.strictEqual(error.code, "TooLate")
        assert.deepStrictEqual(yield* keys(place), [keyOf(left)])
        assert.deepStrictEqual(yield* client.remove([keyOf(left)], before + 60_000), [])
        assert.deepStrictEqual(yield* keys(place), [])
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.scoped)
  )

  it.live("never removes what a writer has just put", () =>
    Effect.gen(function* () {
      const { layer, place, runs } = yield* store()
      const other = Storage.layerS3({ ...place, runs })
      const all = Array.from({ length: 4 }, (_, index) => filled(100_000, index))
      // What is older than the put under way may go, at any moment; what it puts may not.
      let before = 0
      const sweep = Effect.flatMap(ArtifactStore, (artifacts) =>
        Effect.suspend(() => artifacts.sweep({ keep: new Set(), before }))
      )
      yield* Effect.gen(function* () {
        const artifacts = yield* ArtifactStore
        let swept = 0
        const count = Effect.map(sweep, ({ artifacts: removed }) => {
          swept += removed
        })
        const sweeping = yield* Effect.forkChild(Effect.provide(Effect.forever(count), Layer.fresh(other)))
        for (let round = 0; round < 6 || swept < 3; round++) {
          for (const bytes of all) {
            before = yield* Clock.currentTimeMillis
            const { digest } = yield* artifacts.put([bytes])
            assert.deepStrictEqual(yield* artifacts.touch([{ digest, size: bytes.length }]), new Set([digest]))
            assert.isTrue(Buffer.compare(yield* artifacts.get(digest), bytes) === 0)
          }
        }
        yield* Fiber.interrupt(sweeping)
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.scoped)
  )

  it.live("fetches an artifact once into a cache that other processes share, and keeps that within its limit", () =>
    Effect.gen(function* () {
      const { place, runs } = yield* store()
      const proxy = yield* FaultProxy.make(place.endpoint, () => "none")
      const cacheDirectory = join(runs, "cache")
      const open = () =>
        Layer.fresh(
          Storage.layerS3({
            ...place,
            endpoint: proxy.endpoint,
            runs,
            cacheDirectory,
            cacheBytes: 500_000,
            valueBytes: 0
          })
        )
      const [one, two, three] = [1, 2, 3].map((value) => filled(200_000, value)) as [Uint8Array, Uint8Array, Uint8Array]
      yield* Effect.gen(function* () {
        const artifacts = yield* ArtifactStore
        for (const bytes of [one, two, three]) yield* artifacts.put([bytes])
      }).pipe(Effect.provide(open()))
      const read = (bytes: Uint8Array) =>
        Effect.flatMap(ArtifactStore, (artifacts) =>
          Effect.map(artifacts.get(digestOf(bytes)), (got) => assert.isTrue(Buffer.compare(got, bytes) === 0))
        )
      const requestsOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.gen(function* () {
          const before = proxy.requests()
          yield* effect
          return proxy.requests() - before
        })
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* requestsOf(read(one)), 1)
        assert.strictEqual(yield* requestsOf(read(one)), 0)
      }).pipe(Effect.provide(open()))
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* requestsOf(read(one)), 0)
        assert.strictEqual(yield* requestsOf(read(two)), 1)
        assert.strictEqual(yield* requestsOf(read(one)), 0)
        // A damaged file is fetched again.
        const file = join(cacheDirectory, keyOf(digestOf(two)))
        yield* Effect.promise(async () => {
          await Fs.chmod(file, 0o644)
          await Fs.writeFile(file, filled(200_000, 9))
        })
        assert.strictEqual(yield* requestsOf(read(two)), 1)
        // The one that was not used for longest makes room.
        yield* read(one)
        yield* read(three)
        assert.strictEqual(yield* requestsOf(read(one)), 0)
        const files = yield* Effect.promise(() => Fs.readdir(cacheDirectory, { recursive: true, withFileTypes: true }))
        assert.isAtMost(files.filter((file) => /^[0-9a-f]{64}$/.test(file.name)).length, 2)
      }).pipe(Effect.provide(open()))
    }).pipe(Effect.scoped)
  )

  it.live("keeps no files of the artifacts that were copied to another store", () =>
    Effect.gen(function* () {
      const { place, runs } = yield* store()
      const temporary = yield* temporaryDirectory
      const directory = yield* temporaryDirectory
      yield* environment({ TMPDIR: temporary })
      let most = 0
      yield* Effect.gen(function* () {
        const { id } = yield* Flow.run(LargeFlow, { size: 200_000 })
        const local = yield* Layer.build(Storage.layerLocal({ directory }))
        const artifacts = Context.get(local, ArtifactStore)
        const watched = Layer.succeed(ArtifactStore, {
          ...artifacts,
          putFile: (path) =>
            Effect.suspend(() => {
              most = Math.max(most, readdirSync(temporary).length)
              return artifacts.putFile(path)
            })
        })
        const [copied] = yield* Copy.run(id, { to: Layer.merge(Layer.succeedContext(local), watched) })
        assert.isAbove(copied?.bytes ?? 0, 200_000)
        assert.deepStrictEqual(readdirSync(temporary), [])
        assert.isAbove(most, 0)
        yield* Effect.provide(
          Effect.map(Verify.check(), ({ faults }) => assert.deepStrictEqual(faults, [])),
          Layer.succeedContext(local)
        )
      }).pipe(Effect.provide(Storage.layerS3({ ...place, runs })))
    }).pipe(Effect.scoped)
  )

  it.live("keeps the path good that another process has, and no longer than that one lives", () =>
    Effect.gen(function* () {
      const { place, runs } = yield* store()
      const cacheDirectory = join(runs, "cache")
      const open = Layer.build(
        Layer.fresh(Storage.layerS3({ ...place, runs, cacheDirectory, cacheBytes: 300_000, valueBytes: 0 }))
      )
      const storeIn = Effect.map(open, (context) => Context.get(context, ArtifactStore))
      const [reader, other] = [yield* storeIn, yield* storeIn]
      const { digest } = yield* reader.put([filled(200_000, 1)])
      const path = yield* reader.path(digest)
      const marks = join(cacheDirectory, "handed-out")
      const isThere = Effect.sync(() => existsSync(path))
      const makeRoom = Effect.fnUntraced(function* (value: number) {
        const { digest } = yield* other.put([filled(200_000, value)])
        yield* other.get(digest)
      })
      yield* makeRoom(2)
      assert.isTrue(yield* isThere)
      // As if the process had been killed.
      const [mark] = yield* Effect.promise(() => Fs.readdir(marks))
      const ended = spawnSync(process.execPath, ["--version"]).pid
      yield* Effect.promise(() =>
        Fs.rename(join(marks, mark ?? ""), join(marks, mark?.replace(`.${process.pid}.`, `.${ended}.`) ?? ""))
      )
      yield* makeRoom(3)
      assert.isFalse(yield* isThere)
      assert.deepStrictEqual(yield* Effect.promise(() => Fs.readdir(marks)), [])
      // A store that is closed takes its marks along.
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* (yield* storeIn).path(digest)
          assert.lengthOf(yield* Effect.promise(() => Fs.readdir(marks)), 1)
        })
      )
      assert.deepStrictEqual(yield* Effect.promise(() => Fs.readdir(marks)), [])
    }).pipe(Effect.scoped)
  )

  it.live("reads past a cache that can't be written any more", () =>
    Effect.gen(function* () {
      const cacheDirectory = join(yield* temporaryDirectory, "cache")
      const { layer } = yield* store({ cacheDirectory })
      yield* Effect.gen(function* () {
        const artifacts = yield* ArtifactStore
        const bytes = filled(200_000, 1)
        const { digest } = yield* artifacts.put([bytes])
        yield* Effect.promise(async () => {
          await Fs.rm(cacheDirectory, { recursive: true })
          await Fs.writeFile(cacheDirectory, "no directory")
        })
        assert.deepStrictEqual(yield* artifacts.get(digest), bytes)
        const streamed = yield* Stream.runCollect(artifacts.stream(digest))
        assert.deepStrictEqual(new Uint8Array(Buffer.concat(streamed)), bytes)
        assert.include((yield* Effect.flip(artifacts.path(digest))).message, cacheDirectory)
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.scoped)
  )
})
