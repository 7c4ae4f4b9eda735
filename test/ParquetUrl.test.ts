import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Artifact from "../src/Artifact.ts"
import * as Parquet from "../src/Parquet.ts"
import { encode } from "./support/codec.ts"

/** A server for the length of a test; its base URL. */
const serve = (handle: (request: IncomingMessage, response: ServerResponse) => void) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const server = createServer(handle)
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.callback<void>((resume) => {
          server.closeAllConnections()
          server.close(() => resume(Effect.void))
        })
    ),
    (server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/reviews.parquet`
  )

/** Serves ranges, as object stores do, of the file as it is at that moment. */
const ranges =
  (given: Uint8Array | (() => Uint8Array), seen: Array<string>, headers: () => Record<string, string> = () => ({})) =>
  (request: IncomingMessage, response: ServerResponse) => {
    const range = request.headers.range ?? ""
    seen.push(range)
    const file = typeof given === "function" ? given() : given
    const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? []
    const start = from === "" ? Math.max(0, file.length - Number(to)) : Number(from)
    const end = from === "" || to === "" ? file.length - 1 : Math.min(Number(to), file.length - 1)
    response.writeHead(206, { "content-range": `bytes ${start}-${end}/${file.length}`, ...headers() })
    response.end(file.subarray(start, end + 1))
  }

const rows = 60_000
const Wide = Artifact.table({ id: Schema.Int, noise: Artifact.column("float64"), text: Schema.String })
const wide = {
  numRows: rows,
  columns: {
    id: Array.from({ length: rows }, (_, i) => i),
    noise: Float64Array.from({ length: rows }, (_, i) => Math.sin(i * i) * 1e9),
    text: Array.from({ length: rows }, (_, i) => `${Math.cos(i * i)} ${Math.sin(i * i)}`)
  }
}

describe("Parquet.read of a URL", () => {
  it.effect("fetches only the ranges that it needs", () =>
    Effect.gen(function* () {
      const file = yield* encode(Wide, wide)
      assert.isAbove(file.length, 1 << 20)
      const seen: Array<string> = []
      const url = yield* serve(ranges(file, seen))
      const { columns } = yield* Parquet.read(url, Artifact.table({ id: Schema.Int }))
      assert.deepStrictEqual(columns.id, wide.columns.id)
      // the end, the start that says that it is Parquet, and the column
      assert.strictEqual(seen[0], "bytes=-524288")
      assert.strictEqual(seen[1], "bytes=0-3")
      assert.strictEqual(seen.length, 3)
      const whole = yield* Parquet.read(new URL(url), Wide)
      assert.deepStrictEqual(whole, wide)
    })
  )

  it.effect("makes one request for a small file", () =>
    Effect.gen(function* () {
      const small = Artifact.table({ id: Schema.Int })
      const seen: Array<string> = []
      const url = yield* serve(ranges(yield* encode(small, { numRows: 2, columns: { id: [1, 2] } }), seen))
      assert.deepStrictEqual((yield* Parquet.read(url, small)).columns.id, [1, 2])
      assert.deepStrictEqual(seen, ["bytes=-524288"])
    })
  )

  it.effect("reads from a server that knows no ranges", () =>
    Effect.gen(function* () {
      const file = yield* encode(Wide, wide)
      let requests = 0
      const url = yield* serve((_, response) => {
        requests++
        response.end(file)
      })
      assert.deepStrictEqual(yield* Parquet.read(url, Wide), wide)
      assert.strictEqual(requests, 1)
    })
  )

  it.effect("says what the server answered", () =>
    Effect.gen(function* () {
      const url = yield* serve((request, response) => {
        response.statusCode = request.url === "/reviews.parquet" ? 404 : 503
        response.end()
      })
      const missing = yield* Effect.flip(Parquet.read(url, Wide))
      assert.strictEqual(missing.reason, "missing")
      assert.strictEqual(missing.message, `${url}: there is no such file (the server answered 404)`)
      const failing = yield* Effect.flip(Parquet.read(`${url}x`, Wide))
      assert.strictEqual(failing.reason, "unreadable")
      assert.strictEqual(failing.message, `${url}x: the server answered 503 Service Unavailable`)
    })
  )

  it.effect("sends the user and the password of the address, and repeats no secret in a message", () =>
    Effect.gen(function* () {
      const file = yield* encode(Wide, wide)
      const seen: Array<string | undefined> = []
      const url = yield* serve((request, response) => {
        seen.push(request.headers.authorization)
        if (request.url?.includes("token") === true) response.writeHead(403).end()
        else ranges(file, [])(request, response)
      })
      const named = url.replace("//", "//ada:open%40sesame@")
      assert.deepStrictEqual(yield* Parquet.read(named, Wide), wide)
      for (const header of seen) assert.strictEqual(header, `Basic ${btoa("ada:open@sesame")}`)
      const signed = `${named}?x=1&X-Amz-Signature=abc&token=def&sig=ghi`
      const { file: source, message } = yield* Effect.flip(Parquet.read(signed, Wide))
      assert.strictEqual(source, `${url.replace("//", "//…@")}?x=1&X-Amz-Signature=…&token=…&sig=…`)
      assert.strictEqual(message, `${source}: the server answered 403 Forbidden`)
    })
  )

  it.effect("says so where no file can have this name", () =>
    Effect.gen(function* () {
      const of = (name: string) => Effect.map(Effect.flip(Parquet.read(name, Wide)), ({ message }) => message)
      for (const name of ["https://", "http://[::1", "http://localhost:99999/x.parquet"]) {
        assert.strictEqual(yield* of(name), `${name}: it is not a valid URL`)
      }
      assert.strictEqual(yield* of(""), '"": there is no such file')
      // What no path is made of: an encoded slash.
      for (const name of ["file:///a%2Fb.parquet", "file:///a%2F*.parquet", "file:///a%2Fb.csv"]) {
        assert.match(yield* of(name), /^file:\/\/\/a%2F\S+: it can't be read: File URL path must not include/)
      }
    })
  )

  it.effect("says so where no server is", () =>
    Effect.gen(function* () {
      const url = yield* Effect.scoped(serve(() => undefined))
      const error = yield* Effect.flip(Parquet.read(url, Wide))
      assert.strictEqual(error.reason, "unreadable")
      assert.strictEqual(error.message, `${url}: the server can't be reached (ECONNREFUSED)`)
    })
  )

  it.effect("says so where a page is served instead of a file", () =>
    Effect.gen(function* () {
      const url = yield* serve((_, response) => response.end("<html>Sign in</html>"))
      const error = yield* Effect.flip(Parquet.read(url, Wide))
      assert.strictEqual(error.reason, "notParquet")
    })
  )

  for (const [what, headers] of [
    ["an etag", (version: number) => ({ etag: `"${version}"` })],
    ["a date", (version: number) => ({ "last-modified": new Date(version * 1e6).toUTCString() })],
    ["its size", () => ({})]
  ] as const) {
    it.effect(`refuses a file that is replaced while it is read, which ${what} tells`, () =>
      Effect.gen(function* () {
        const before = yield* encode(Wide, wide)
        const after = what === "its size" ? Buffer.concat([before, Buffer.alloc(1)]) : before
        const seen: Array<string> = []
        // The whole end of the old file is fetched, and then parts of the new one.
        const version = () => (seen.length > 1 ? 2 : 1)
        const url = yield* serve(
          ranges(
            () => (version() === 1 ? before : after),
            seen,
            () => headers(version())
          )
        )
        const error = yield* Effect.flip(Parquet.read(url, Wide))
        assert.strictEqual(error.reason, "unreadable")
        assert.strictEqual(error.message, `${url}: it was replaced while it was read`)
      })
    )
  }

  it.effect("refuses an answer that is not of the range it was asked for", () =>
    Effect.gen(function* () {
      const file = yield* encode(Wide, wide)
      const answers = (answer: (start: number, end: number, response: ServerResponse) => void) =>
        serve((request, response) => {
          const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "") ?? []
          if (from === "") return ranges(file, [])(request, response)
          answer(Number(from), Number(to) + 1, response)
        })
      const send = (response: ServerResponse, from: number, bytes: Uint8Array) => {
        response.writeHead(206, { "content-range": `bytes ${from}-${from + bytes.length - 1}/${file.length}` })
        response.end(bytes)
      }
      const shifted = yield* answers((start, end, response) =>
        send(response, start + 1, file.subarray(start + 1, end + 1))
      )
      const shorter = yield* answers((start, end, response) => send(response, start, file.subarray(start, end - 1)))
      for (const url of [shifted, shorter]) {
        const { message } = yield* Effect.flip(Parquet.read(url, Wide))
        assert.strictEqual(message, `${url}: the server sent another range than the one it was asked for`)
      }
      const mislabelled = yield* answers((start, end, response) => {
        response.writeHead(206, { "content-range": `bytes ${start}-${end - 1}/${file.length}` })
        response.end(file.subarray(start, end - 1))
      })
      const { message } = yield* Effect.flip(Parquet.read(mislabelled, Wide))
      assert.match(message, /the server sent 3 bytes and called them the bytes 0 to 3$/)
      const gone = yield* answers((_, __, response) => response.writeHead(404).end())
      assert.match(
        (yield* Effect.flip(Parquet.read(gone, Wide))).message,
        /: there is no such file \(the server answered 404\)$/
      )
      const cutOff = yield* answers((_, __, response) => response.destroy())
      assert.match((yield* Effect.flip(Parquet.read(cutOff, Wide))).message, /: the server can't be reached \(\w+\)$/)
    })
  )

  it.live("ends the request when it is interrupted", () =>
    Effect.gen(function* () {
      const started = Deferred.makeUnsafe<void>()
      const closed = Deferred.makeUnsafe<void>()
      const url = yield* serve((request) => {
        request.socket.once("close", () => Deferred.doneUnsafe(closed, Effect.void))
        Deferred.doneUnsafe(started, Effect.void)
      })
      const fiber = yield* Effect.forkChild(Parquet.read(url, Wide))
      yield* Deferred.await(started)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(closed)
    })
  )
})
