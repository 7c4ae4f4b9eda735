/** Who gets an answer from the page's server, and what a browser may do with it. */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as UiSecurity from "../src/internal/server/security.ts"
import { RunStore } from "../src/RunStore.ts"
import * as Storage from "../src/Storage.ts"
import * as Ui from "../src/Ui.ts"
import { putRun, run } from "./conformance/records.ts"
import { ask, type Question } from "./support/ask.ts"

const served = Ui.layer({ port: 0 }).pipe(Layer.provideMerge(Storage.layerMemory))

const get = (path: string, question?: Question) => Effect.flatMap(Ui.Server, ({ url }) => ask(url, path, question))

layer(served, { excludeTestServices: true })("The page's server", (it) => {
  it.effect("listens on loopback, unless it is told otherwise", () =>
    Effect.map(Ui.Server, ({ host, url }) => {
      assert.strictEqual(host, "127.0.0.1")
      assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
    })
  )

  it.effect("goes by its own names only", () =>
    Effect.gen(function* () {
      const { port } = yield* Ui.Server
      const status = (host: string) => Effect.map(get("/api/runs", { headers: { host } }), (answer) => answer.status)
      for (const host of [
        `127.0.0.1:${port}`,
        `localhost:${port}`,
        "localhost",
        `LOCALHOST:${port}`,
        `[::1]:${port}`
      ]) {
        assert.strictEqual(yield* status(host), 200, host)
      }
      for (const host of [
        "evil.example",
        `evil.example:${port}`,
        `127.0.0.1.evil.example:${port}`,
        `localhost.evil.example`,
        "10.0.0.1",
        "localhost:80:80",
        "localhost@evil.example"
      ]) {
        assert.strictEqual(yield* status(host), 403, host)
      }
    })
  )

  it.effect("refuses a page of another origin", () =>
    Effect.gen(function* () {
      const { port, url } = yield* Ui.Server
      const status = (origin: string) =>
        Effect.map(get("/api/runs", { headers: { origin } }), (answer) => answer.status)
      assert.strictEqual(yield* status(url), 200)
      for (const origin of [
        "https://evil.example",
        "null",
        `https://127.0.0.1:${port}`,
        "http://127.0.0.1:1",
        `http://localhost:${port}`
      ]) {
        assert.strictEqual(yield* status(origin), 403, origin)
      }
    })
  )

  it.effect("refuses what another site's page embeds, and lets a link lead here", () =>
    Effect.gen(function* () {
      const status = (site: string, mode: string) =>
        Effect.map(get("/", { headers: { "sec-fetch-site": site, "sec-fetch-mode": mode } }), (answer) => answer.status)
      assert.strictEqual(yield* status("cross-site", "no-cors"), 403)
      assert.strictEqual(yield* status("cross-site", "cors"), 403)
      assert.notStrictEqual(yield* status("cross-site", "navigate"), 403)
      assert.notStrictEqual(yield* status("same-origin", "cors"), 403)
      assert.notStrictEqual(yield* status("none", "navigate"), 403)
    })
  )

  it.effect("only shows", () =>
    Effect.gen(function* () {
      for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
        const { json, status } = yield* get("/api/runs", { method })
        assert.strictEqual(status, 405, method)
        assert.match(json.message, /read-only/)
      }
      assert.strictEqual((yield* get("/api/runs", { method: "HEAD" })).status, 200)
    })
  )

  it.effect("says on every answer what a browser may do with it", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      yield* store.write([putRun(run("r1"))])
      const answers = [
        yield* get("/"),
        yield* get("/runs/r1"),
        yield* get("/api/runs"),
        yield* get("/api/runs/zzzz"),
        yield* get("/api/runs?limit=0"),
        yield* get("/api/nothing"),
        yield* get("/assets/nothing.js"),
        yield* get("/api/runs", { method: "POST" }),
        yield* get("/api/runs", { headers: { host: "evil.example" } })
      ]
      for (const { headers } of answers) {
        const policy = String(headers["content-security-policy"])
        assert.include(policy, "default-src 'none'")
        assert.include(policy, "frame-ancestors 'none'")
        assert.notInclude(policy, "unsafe-inline")
        assert.notInclude(policy, "unsafe-eval")
        assert.strictEqual(headers["x-content-type-options"], "nosniff")
        assert.strictEqual(headers["x-frame-options"], "DENY")
        assert.strictEqual(headers["cross-origin-resource-policy"], "same-origin")
        assert.strictEqual(headers["referrer-policy"], "no-referrer")
        assert.notProperty(headers, "access-control-allow-origin")
      }
    })
  )

  it.effect("lets no address reach a file", () =>
    Effect.gen(function* () {
      const secrets = /"name": "effect-flow"|root:|effect-flow\/ui/
      for (const path of [
        "/../package.json",
        "/../../package.json",
        "/assets/../../package.json",
        "/assets/..%2f..%2fpackage.json",
        "/%2e%2e/%2e%2e/package.json",
        "/..%5c..%5cpackage.json",
        "//etc/passwd",
        "/etc/passwd",
        "/assets/%00",
        "/file:///etc/passwd",
        "/api/artifacts/..%2f..%2f..%2fetc%2fpasswd/content",
        "/api/artifacts/../../package.json",
        `/api/artifacts/${"A".repeat(64)}/content`,
        `/api/artifacts/${"0".repeat(63)}/content`,
        `/api/artifacts/${"0".repeat(64)}%2f..%2f..%2fruns.sqlite/content`
      ]) {
        const { status, text } = yield* get(path)
        assert.notMatch(text, secrets, path)
        if (path.startsWith("/api/")) assert.oneOf(status, [400, 404], path)
      }
    })
  )
})

describe("UiSecurity", () => {
  const asked = { method: "GET", host: "localhost:4747", origin: undefined, site: undefined, mode: undefined }

  it("beyond loopback, answers to the machine's addresses, which nobody can rebind", () => {
    const refusal = (host: string) => UiSecurity.refusalOf({ ...asked, host }, "0.0.0.0")
    assert.isUndefined(refusal("192.168.1.7:4747"))
    assert.isUndefined(refusal("[fe80::1]:4747"))
    assert.isUndefined(refusal("localhost:4747"))
    assert.strictEqual(refusal("evil.example:4747")?.status, 403)
    assert.isUndefined(UiSecurity.refusalOf({ ...asked, host: "build.internal:80" }, "build.internal"))
  })

  it("on loopback, answers to no other address", () => {
    assert.strictEqual(UiSecurity.refusalOf({ ...asked, host: "192.168.1.7:4747" }, "127.0.0.1")?.status, 403)
  })

  it("knows loopback", () => {
    for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "::1"]) assert.isTrue(UiSecurity.isLoopback(host))
    for (const host of ["0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "localhost.example"])
      assert.isFalse(UiSecurity.isLoopback(host))
  })
})
