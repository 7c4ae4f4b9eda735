/** Large artifacts in a bucket, from the command line: `--blobs s3://…`, `EFFECT_FLOW_BLOBS` and `--cache-dir`. */
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { temporaryDirectory } from "../support/directory.ts"
import { environment } from "../support/environment.ts"
import * as FaultProxy from "../support/faultProxy.ts"
import * as ObjectServer from "../support/objectServer.ts"
import { LargeFlow } from "./fixtures/large.ts"
import { line } from "./line.ts"
import { flowFile } from "./process.ts"

describe("--blobs", () => {
  it.live("refuses what is no bucket's address, without repeating a password", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const here = line(LargeFlow, flowFile, directory)
      const typo = yield* here("run", "--blobs", "s3:/flows/nlp")
      assert.deepStrictEqual(typo, {
        code: 2,
        stdout: "",
        stderr:
          '"s3:/flows/nlp" is not the address of a bucket: two slashes must follow "s3:". Write it as s3://BUCKET/PREFIX. (It was given with --blobs.)\n'
      })
      const there = line(LargeFlow, flowFile, directory, { EFFECT_FLOW_BLOBS: "s3://ada:open-sesame@flows" })
      const password = yield* there("runs")
      assert.strictEqual(password.code, 2)
      assert.include(password.stderr, "(It was given in EFFECT_FLOW_BLOBS.)")
      assert.notInclude(password.stderr, "open-sesame")
      assert.deepStrictEqual(readdirSync(directory), [])
    }).pipe(Effect.scoped)
  )
})

describe("a store", () => {
  it.live("is not a bucket alone", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const here = line(LargeFlow, flowFile, join(directory, "store"))
      const copied = yield* here("copy", "latest", "--to", "s3://flows/nlp")
      assert.strictEqual(copied.code, 2)
      assert.match(
        copied.stderr,
        /A bucket holds artifacts and no runs\. Name .* with --to, and the bucket with --to-blobs/
      )
      const elsewhere = line(LargeFlow, flowFile, "s3://flows/nlp")
      assert.match((yield* elsewhere("runs")).stderr, /A bucket holds artifacts and no runs/)
      assert.deepStrictEqual(readdirSync(directory), [])
    }).pipe(Effect.scoped)
  )
})

describe.skipIf(!ObjectServer.isInstalled)("a bucket", () => {
  it.live("takes the artifacts of copied runs, and a copy that was cut off is continued", () =>
    Effect.gen(function* () {
      const place = yield* ObjectServer.bucket
      const directory = yield* temporaryDirectory
      let failing = true
      const proxy = yield* FaultProxy.make(place.endpoint, ({ method, url }) =>
        failing && method === "PUT" && !url.includes("/databases/") ? "expired" : "none"
      )
      yield* environment({
        AWS_ACCESS_KEY_ID: place.credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: place.credentials.secretAccessKey,
        AWS_ENDPOINT_URL_S3: proxy.endpoint
      })
      const at = (name: string) => line(LargeFlow, flowFile, join(directory, name))
      assert.strictEqual((yield* at("first")("run")).code, 0)
      const blobs = `s3://${place.bucket}/copies`
      const copy = at("first")("copy", "latest", "--to", join(directory, "second"), "--to-blobs", blobs)
      const cut = yield* copy
      assert.strictEqual(cut.code, 1, cut.stdout)
      assert.match(cut.stderr, /can't be copied without/)
      failing = false
      assert.match((yield* copy).stdout, /copied/)
      assert.match((yield* copy).stdout, /was there already/)
      const twice = yield* at("second")(
        "copy",
        "latest",
        "--blobs",
        blobs,
        "--to",
        join(directory, "2"),
        "--to-blobs",
        blobs
      )
      assert.strictEqual(twice.code, 1)
      assert.include(twice.stderr, `Both stores keep their artifacts in ${blobs}`)
      assert.match((yield* at("second")("verify", "--blobs", blobs)).stdout, /No fault found/)
      const back = yield* at("second")("copy", "latest", "--blobs", blobs, "--to", join(directory, "third"))
      assert.match(back.stdout, /copied/)
      assert.match((yield* at("third")("verify")).stdout, /1 run and \d+ intact artifacts checked\. No fault found/)
    }).pipe(Effect.scoped)
  )

  it.live("holds the large artifacts of a run, which every verb finds there", () =>
    Effect.gen(function* () {
      const place = yield* ObjectServer.bucket
      const directory = yield* temporaryDirectory
      const cache = join(directory, "cache")
      yield* environment({
        AWS_ACCESS_KEY_ID: place.credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: place.credentials.secretAccessKey,
        AWS_ENDPOINT_URL_S3: place.endpoint
      })
      const blobs = `s3://${place.bucket}/nlp`
      const here = line(LargeFlow, flowFile, join(directory, "store"), { EFFECT_FLOW_BLOBS: blobs })
      const succeeds = (...words: ReadonlyArray<string>) =>
        Effect.map(here(...words), (ended) => {
          assert.strictEqual(ended.code, 0, ended.stderr)
          assert.notInclude(ended.stdout + ended.stderr, place.credentials.secretAccessKey)
          return ended
        })

      const ran = yield* succeeds("run")
      const [run = ""] = /[0-9a-z]{26}/.exec(ran.stderr) ?? []
      const out = join(directory, "data.bin")
      yield* succeeds("dump", `${run}/make/data`, "--out", out, "--cache-dir", cache)
      assert.include(readdirSync(cache, { recursive: true }).join(" "), "/")
      assert.match((yield* succeeds("verify")).stdout, /1 run and \d+ intact artifacts checked. No fault found/)
      assert.match((yield* succeeds("resume")).stderr, /taken over/)

      // A lifecycle rule removes what it takes for old.
      const client = yield* ObjectServer.client(place)
      const items = (yield* client.list("")).items.filter(({ key }) => !key.startsWith("nlp/databases/"))
      assert.strictEqual(items.length, 1)
      yield* client.remove(items.map(({ key }) => key))
      const verified = yield* here("verify")
      assert.strictEqual(verified.code, 1)
      assert.include(verified.stdout, `${run}/make/1/data`)
      assert.match(verified.stdout, /is missing from the store\.\n {2}touches runs [0-9a-z]{26}, [0-9a-z]{26}/)
      const dumped = yield* here("dump", `${run}/make/data`, "--out", out)
      assert.strictEqual(dumped.code, 1)
      assert.include(dumped.stderr, `there is no object ${blobs}/`)
      assert.include(dumped.stderr, "removed by a lifecycle rule")

      yield* succeeds("run", "--size", "300000")
      const planned = JSON.parse((yield* succeeds("gc", "--keep-runs", "0", "--dry-run", "--json")).stdout)
      assert.strictEqual(planned.runs.length, 3)
      yield* succeeds("gc", "--keep-runs", "0")

      // Another store names another bucket by a flag; what it offers to type names it, too.
      const missing = yield* here("run", "--blobs", "s3://no-such-bucket")
      assert.strictEqual(missing.code, 1)
      assert.include(missing.stderr, 'there is no bucket "no-such-bucket"')
    }).pipe(Effect.scoped)
  )
})
