/** Ranges that are read straight into arrays, from servers that answer as they please. */
import { createHash } from "node:crypto"
import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Client from "../../../src/internal/s3/client.ts"
import * as Download from "../../../src/internal/s3/download.ts"

const content = Buffer.from(Array.from({ length: 3000 }, (_, index) => index % 251))

/** A server that sends bytes of a test's choice, and counts its connections. */
const serverOf = (answer: (range: readonly [number, number], request: number) => ReadonlyArray<string | Uint8Array>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const seen = { connections: 0, requests: 0 }
      const server = Net.createServer((socket) => {
        seen.connections++
        socket.on("error", () => undefined)
        socket.on("data", async (data) => {
          const [, from, to] = /range: bytes=(\d+)-(\d+)/i.exec(String(data)) ?? []
          const pieces = answer([Number(from), Math.min(Number(to) + 1, content.length)], seen.requests++)
          for (const piece of pieces) {
            await new Promise<void>((resolve) => socket.write(piece, () => resolve()))
            await new Promise((resolve) => setImmediate(resolve)) // each in a packet of its own
          }
          if (pieces.includes("")) socket.end()
        })
      })
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      const { port } = server.address() as Net.AddressInfo // it listens on a port
      const client = Client.make({
        bucket: "bucket",
        endpoint: `http://127.0.0.1:${port}`,
        credentials: { accessKeyId: "AK", secretAccessKey: "SK" },
        attempts: 2,
        pauseMs: 1
      })
      return { client, seen, server }
    }),
    ({ client, server }) =>
      Effect.promise(() => {
        client.close()
        return new Promise((resolve) => server.close(resolve))
      })
  )

const head = ([start, end]: readonly [number, number], ...lines: ReadonlyArray<string>) =>
  [
    "HTTP/1.1 206 Partial Content",
    `Content-Range: bytes ${start}-${end - 1}/${content.length}`,
    'ETag: "e"',
    ...lines,
    "",
    ""
  ].join("\r\n")

const lengthOf = ([start, end]: readonly [number, number]) => `Content-Length: ${end - start}`

describe("a range", () => {
  it.live("goes where it is wanted, over one connection after the other", () =>
    Effect.gen(function* () {
      const { client, seen } = yield* serverOf((range) => [head(range, lengthOf(range)), content.subarray(...range)])
      const array = new Uint8Array(content.length)
      for (let at = 0; at < content.length; at += 1000) {
        const into = (length: number) => array.subarray(at, at + length)
        const { bytes, etag, size } = yield* client.range("key", at, at + 1000, { into })
        assert.deepStrictEqual([bytes.byteOffset, bytes.length, etag, size], [at, 1000, '"e"', 3000])
      }
      assert.deepStrictEqual(Buffer.from(array), content)
      assert.deepStrictEqual(seen, { connections: 1, requests: 3 })
    })
  )

  it.live("is read however the answer falls into packets", () =>
    Effect.gen(function* () {
      const { client } = yield* serverOf((range) => {
        const whole = Buffer.concat([Buffer.from(head(range, lengthOf(range))), content.subarray(...range)])
        return Array.from({ length: Math.ceil(whole.length / 7) }, (_, index) =>
          whole.subarray(index * 7, index * 7 + 7)
        )
      })
      assert.deepStrictEqual(Buffer.from((yield* client.range("key", 5, 500)).bytes), content.subarray(5, 500))
      assert.deepStrictEqual(Buffer.from((yield* client.range("key", 2900, 4000)).bytes), content.subarray(2900))
    })
  )

  it.live("is asked for again where an answer has no length", () =>
    Effect.gen(function* () {
      const { client, seen } = yield* serverOf((range) => [
        head(range, "Transfer-Encoding: chunked"),
        `${(range[1] - range[0]).toString(16)}\r\n`,
        content.subarray(...range),
        "\r\n0\r\n\r\n"
      ])
      const { bytes, digest } = yield* Download.whole(client, "key")
      assert.deepStrictEqual(Buffer.from(bytes), content)
      assert.strictEqual(digest.length, 64)
      assert.strictEqual(seen.requests, 2)
    })
  )

  it.live("is not taken for the one that was asked for where it is another", () =>
    Effect.gen(function* () {
      for (const [from, to] of [
        [100, 200],
        [0, 50]
      ] as const) {
        const { client } = yield* serverOf(() => [head([from, to], lengthOf([from, to])), content.subarray(from, to)])
        const { reason } = yield* Effect.flip(client.range("key", 0, 100))
        assert.include(reason, "sent another range than the one it was asked for")
      }
    })
  )

  it.live("is the server's refusal, too", () =>
    Effect.gen(function* () {
      const refusal = "<Error><Code>AccessDenied</Code></Error>"
      const { client, seen } = yield* serverOf(() => [
        `HTTP/1.1 403 Forbidden\r\nContent-Length: ${refusal.length}\r\n\r\n${refusal}`
      ])
      assert.match((yield* Effect.flip(client.range("key", 0, 10))).reason, /do not allow s3:GetObject/)
      assert.strictEqual(seen.requests, 1)
    })
  )

  it.live("fails where an answer ends early, and is right where the next one does not", () =>
    Effect.gen(function* () {
      const { client } = yield* serverOf((range, request) => [
        head(range, lengthOf(range)),
        request === 0 ? content.subarray(0, 100) : content.subarray(...range),
        ...(request === 0 ? [""] : [])
      ])
      assert.deepStrictEqual(Buffer.from((yield* client.range("key", 0, 3000)).bytes), content)
      const { client: never } = yield* serverOf((range) => [head(range, lengthOf(range)), content.subarray(0, 100), ""])
      assert.strictEqual((yield* Effect.flip(never.range("key", 0, 3000))).kind, "away")
    })
  )

  it.live("never takes the bytes of one answer for those of the next", () =>
    Effect.gen(function* () {
      const { client, seen } = yield* serverOf((range) => [
        Buffer.concat([Buffer.from(head(range, lengthOf(range))), content.subarray(...range), Buffer.from("HTTP/1.1")])
      ])
      // Node's own client, which is asked next, drops what is too much.
      for (const at of [0, 100])
        assert.deepStrictEqual(
          Buffer.from((yield* client.range("key", at, at + 100)).bytes),
          content.subarray(at, at + 100)
        )
      assert.strictEqual(seen.requests, 4)
    })
  )
})

describe("an answer that is a login page", () => {
  it.live("is neither a write that was done nor an empty list", () =>
    Effect.gen(function* () {
      const page = "<html>Log in to this network</html>"
      const { client } = yield* serverOf(() => [
        `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: ${page.length}\r\n\r\n${page}`
      ])
      const body = { body: [content], size: content.length, digest: createHash("sha256").update(content).digest("hex") }
      for (const write of [
        client.put("key", body, { isNew: true }),
        client.putPart({ id: "u", key: "key" }, 1, body)
      ]) {
        const { kind, reason } = yield* Effect.flip(write)
        assert.strictEqual(kind, "refused")
        assert.match(reason, /answered a write without an etag, which no object storage does$/)
      }
      for (const list of [Effect.asVoid(client.list("")), Effect.asVoid(client.uploads(""))])
        assert.match((yield* Effect.flip(list)).reason, /answered a request for a list without one, which no object/)
    })
  )
})
