/** Credentials: those that expire in the middle are renewed from a metadata server, and none of them is ever shown. */
import { createServer } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Client from "../../../src/internal/s3/client.ts"
import * as Credentials from "../../../src/internal/s3/credentials.ts"
import { environment } from "../../support/environment.ts"
import * as FaultProxy from "../../support/faultProxy.ts"
import * as ObjectServer from "../../support/objectServer.ts"

describe("credentials of a program", () => {
  it("are asked for again shortly before they expire", async () => {
    let now = 0
    let asked = 0
    const source = Credentials.make(
      async () => ({ accessKeyId: `AK${++asked}`, secretAccessKey: "SK", expiration: new Date(now + 600_000) }),
      () => now
    )
    assert.strictEqual((await source.get()).accessKeyId, "AK1")
    now = 500_000
    assert.strictEqual((await source.get()).accessKeyId, "AK1")
    now = 545_000
    const both = await Promise.all([source.get(), source.get()])
    assert.deepStrictEqual(
      both.map(({ accessKeyId }) => accessKeyId),
      ["AK2", "AK2"]
    )
    assert.strictEqual((await source.get(true)).accessKeyId, "AK3")
  })

  it("stay in use while they are good, if new ones can't be had", async () => {
    let now = 0
    const source = Credentials.make(
      async () => {
        if (now > 0) throw new Error("the metadata server is away")
        return { accessKeyId: "AK", secretAccessKey: "SK", expiration: new Date(100_000) }
      },
      () => now
    )
    await source.get()
    now = 90_000
    assert.strictEqual((await source.get()).accessKeyId, "AK")
    now = 110_000
    const error = await source.get().catch((cause: unknown) => cause)
    assert.include(String(error), "the metadata server is away")
  })

  it("are replaced in what others say", async () => {
    const source = Credentials.make({ accessKeyId: "AKID", secretAccessKey: Redacted.make("hush") }, () => 0)
    await source.get()
    assert.strictEqual(source.hide("AKID signed with hush"), "… signed with …")
  })

  it("are those of the region that the environment names", () => {
    assert.strictEqual(Credentials.regionOf({ AWS_REGION: "eu-west-1", AWS_DEFAULT_REGION: "us-west-2" }), "eu-west-1")
    assert.strictEqual(Credentials.regionOf({ AWS_CONFIG_FILE: "/no/such/file" }), undefined)
  })
})

describe.skipIf(!ObjectServer.isInstalled)("credentials of a container", () => {
  it.live("are renewed when the server calls them expired in the middle of a run", () =>
    Effect.gen(function* () {
      const place = yield* ObjectServer.bucket
      let served = 0
      const metadata = createServer((_, response) => {
        served++
        response.end(
          JSON.stringify({
            AccessKeyId: served === 1 ? "EXPIRED" : ObjectServer.credentials.accessKeyId,
            SecretAccessKey: ObjectServer.credentials.secretAccessKey,
            Token: served === 1 ? "old" : "",
            Expiration: new Date(Date.now() + 3_600_000).toISOString()
          })
        )
      })
      yield* Effect.acquireRelease(
        Effect.promise(() => new Promise<void>((resolve) => metadata.listen(0, "127.0.0.1", resolve))),
        () => Effect.sync(() => metadata.close())
      )
      const address = metadata.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      yield* environment({
        AWS_ACCESS_KEY_ID: undefined,
        AWS_SECRET_ACCESS_KEY: undefined,
        AWS_PROFILE: undefined,
        AWS_CONFIG_FILE: "/no/such/file",
        AWS_SHARED_CREDENTIALS_FILE: "/no/such/file",
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/credentials`
      })
      // The server does not know the first token. AWS calls such a one expired, and so does this proxy.
      const proxy = yield* FaultProxy.make(place.endpoint, () => (served < 2 ? "expired" : "none"))
      const client = yield* Effect.acquireRelease(
        Effect.sync(() => Client.make({ bucket: place.bucket, endpoint: proxy.endpoint })),
        ({ close }) => Effect.sync(close)
      )
      assert.deepStrictEqual((yield* client.list("")).items, [])
      assert.strictEqual(served, 2)
      assert.strictEqual(proxy.requests(), 2)
      yield* client.list("")
      assert.strictEqual(served, 2)
    }).pipe(Effect.scoped)
  )
})
