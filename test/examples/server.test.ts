/** The example of a service, as real processes: a run outlives a killed one, and a stopping one lets its runs finish. */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import { follow } from "../../examples/server.ts"
import * as Run from "../../src/Run.ts"
import * as Storage from "../../src/Storage.ts"
import { start } from "../cli/process.ts"
import { temporaryDirectory } from "../support/directory.ts"
import { freePort } from "../support/port.ts"

const example = join(import.meta.dirname, "..", "..", "examples", "server.ts")

/** Looks until something holds. */
const until = <A>(look: Effect.Effect<A | undefined>): Effect.Effect<A> =>
  Effect.flatMap(look, (found) =>
    found === undefined ? Effect.andThen(Effect.sleep(30), until(look)) : Effect.succeed(found)
  )

describe("server.ts", () => {
  it.live("says how it is used, and starts nothing, if a word is misspelt", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* start(example, ["clinet", "order-17"]).pipe(Effect.flatMap(({ ended }) => ended))
      assert.strictEqual(code, 2)
      assert.match(stderr, /^usage: server\.ts \[client \[ID\]\]/)
    })
  )

  it.live("starts, follows, cancels and lists runs, and goes on with them after kill -9", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const port = yield* Effect.promise(freePort)
      const url = `http://127.0.0.1:${port}`
      const service = start(example, [], { env: { PORT: String(port), DIRECTORY: directory } })
      const ask = (path: string, method = "GET", body?: object) =>
        Effect.promise(async () => {
          const payload = { body: JSON.stringify(body), headers: { "content-type": "application/json" } }
          const response = await fetch(`${url}${path}`, { method, ...(body === undefined ? {} : payload) })
          return { status: response.status, json: JSON.parse(await response.text()) }
        })
      const isUp = until(
        Effect.promise(() =>
          // What comes while the service is being built may get no answer.
          fetch(`${url}/runs`, { signal: AbortSignal.timeout(500) }).then(
            (response) => response.ok || undefined,
            () => undefined
          )
        )
      )
      const pages = ["one page", "another page of words", "and a third"]
      const first = yield* service
      yield* isUp
      const following = yield* Effect.forkChild(Effect.provide(follow(url, "order-1", pages), FetchHttpClient.layer))
      const tasks = Effect.promise(async () => {
        const response = await fetch(`${url}/runs/order-1/events`)
        const reader = response.body?.getReader()
        let text = ""
        while (!text.includes('"TaskFinished"')) text += new TextDecoder().decode((await reader?.read())?.value)
        await reader?.cancel()
        return text
      })
      yield* until(Effect.map(ask("/runs/order-1"), ({ status }) => (status === 200 ? true : undefined)))
      assert.include(yield* tasks, "2 words")
      first.child.kill("SIGKILL")
      yield* first.ended

      const second = yield* service
      yield* isUp
      const result = yield* Fiber.join(following)
      assert.deepStrictEqual(result, { id: "order-1", status: "succeeded", words: 9 })

      // The same start again is the same run; another one has its id to itself.
      assert.deepStrictEqual(yield* ask("/runs/order-1", "PUT", { pages }), { status: 200, json: { id: "order-1" } })
      const taken = yield* ask("/runs/order-1", "PUT", { pages: ["other"] })
      assert.strictEqual(taken.status, 409)
      assert.include(taken.json.message, "was started with other parameters")
      for (const method of ["GET", "DELETE"]) {
        const unknown = yield* ask("/runs/no-such-run", method)
        assert.deepStrictEqual([unknown.status, unknown.json.message], [404, 'There is no run "no-such-run".'])
      }

      yield* ask("/runs/order-2", "PUT", { pages: Array.from({ length: 100 }, () => "a page") })
      const cancelled = yield* ask("/runs/order-2", "DELETE")
      assert.strictEqual(cancelled.json.status, "interrupted")
      assert.match(cancelled.json.error, /^It was cancelled by .*: The client asked for it\.$/)
      assert.include((yield* ask("/runs/order-1", "DELETE")).json.message, "can't be cancelled: it succeeded")
      const listed = (yield* ask("/runs")).json as ReadonlyArray<{ readonly id: string; readonly status: string }>
      assert.deepStrictEqual(
        listed.map(({ id, status }) => (id.startsWith("order") ? `${id} ${status}` : status)),
        ["order-2 interrupted", "succeeded", "order-1 succeeded"]
      )

      // Asked to stop, it lets the run finish.
      yield* ask("/runs/order-3", "PUT", { pages })
      second.child.kill("SIGTERM")
      yield* second.ended
      // Starting a third service only to ask it would take seconds: the store has the answer.
      const runs = yield* Effect.provide(Run.list(), Storage.layerLocal({ directory, readOnly: true }))
      assert.deepStrictEqual(
        runs.map(({ id, status }) => (id.startsWith("order") ? `${id} ${status}` : status)),
        // The record of a run that crashed stays as it was; the one above it resumed it.
        ["order-3 succeeded", "order-2 interrupted", "succeeded", "order-1 running"]
      )
    })
  )
})
