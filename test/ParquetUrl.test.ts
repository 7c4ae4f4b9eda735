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

/** Serves ranges, as object stores do. */
const ranges = (file: Uint8Array, seen: Array<string>) => (request: IncomingMessage, response: ServerResponse) => {
  const range = request.headers.range ?? ""
  seen.push(range)
  const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? []
  const start = from === "" ? Math.max(0, file.length - Number(to)) : Number(from)
  const end = from === "" || to === "" ? file.length - 1 : Math.min(Number(to), file.length - 1)
  response.writeHead(206, { "content-range": `bytes ${start}-${end}/${file.length}` })
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
