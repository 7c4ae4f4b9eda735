/** Spans, metrics and lines of a run at a collector: from the library and from the command line, on fibers and on threads. */

import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Otlp from "effect/observability/Otlp"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import * as Storage from "../../src/Storage.ts"
import { TracedFlow } from "../executor/tracedFlow.ts"
import { flowFile, run } from "./process.ts"

const directory = mkdtempSync(join(tmpdir(), "effect-flow-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

interface Span {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly status: { readonly code: number; readonly message?: string }
}

/** An OTLP collector, in this process. */
const collector = Effect.acquireRelease(
  Effect.callback<{
    readonly url: string
    readonly spans: Array<Span>
    readonly metrics: Set<string>
    readonly lines: Array<string>
    readonly services: Set<string>
    readonly close: () => void
  }>((resume) => {
    const spans: Array<Span> = []
    const metrics = new Set<string>()
    const lines: Array<string> = []
    const services = new Set<string>()
    const server = createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        const bytes = Buffer.concat(chunks)
        const body = JSON.parse(String(request.headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes))
        for (const { resource, scopeSpans } of body.resourceSpans ?? []) {
          for (const { key, value } of resource.attributes) if (key === "service.name") services.add(value.stringValue)
          for (const scope of scopeSpans) spans.push(...scope.spans)
        }
        for (const { scopeMetrics } of body.resourceMetrics ?? [])
          for (const scope of scopeMetrics) for (const metric of scope.metrics) metrics.add(metric.name)
        for (const { scopeLogs } of body.resourceLogs ?? [])
          for (const scope of scopeLogs) for (const record of scope.logRecords) lines.push(record.body.stringValue)
        response.writeHead(200, { "content-type": "application/json" }).end("{}")
      })
    })
    server.listen(0, "127.0.0.1", () => {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on a port
      resume(Effect.succeed({ url, spans, metrics, lines, services, close: () => server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

/** Names of spans below names of spans, sorted; every parent must be there. */
const treeOf = (spans: ReadonlyArray<Span>): ReadonlyArray<string> =>
  spans
    .map(({ name, parentSpanId }) => {
      if (parentSpanId === undefined) return name
      const parent = spans.find(({ spanId }) => spanId === parentSpanId)
      return `${parent === undefined ? "(missing)" : parent.name} > ${name}`
    })
    .sort()

const tree = [
  "attempt work > outer",
  "outer > inner",
  "outer > linked",
  "outer > refusing",
  "run TracedFlow",
  "run TracedFlow > task work",
  "task work > attempt work"
]

describe("a collector", () => {
  for (const [name, executor] of Object.entries({
    fibers: Executor.layerFibers(),
    threads: Executor.layerThreads({ module: new URL("../executor/tracedFlow.ts", import.meta.url), size: 1 })
  })) {
    it.live(`sees a run on ${name} as one trace, when the library runs it`, () =>
      Effect.gen(function* () {
        const { metrics, spans, url } = yield* collector
        const otlp = Otlp.layerJson({ baseUrl: url, resource: { serviceName: "app" } }).pipe(
          Layer.provide(FetchHttpClient.layer)
        )
        yield* Flow.run(TracedFlow, {}).pipe(
          Effect.provide(Layer.mergeAll(otlp, executor, Storage.layerLocal({ directory })))
        )
        assert.deepStrictEqual(treeOf(spans), tree)
        assert.strictEqual(new Set(spans.map(({ traceId }) => traceId)).size, 1)
        assert.includeMembers([...metrics], ["effect_flow_tasks", "effect_flow_task_duration_ms"])
      }).pipe(Effect.scoped)
    )
  }

  it.live("sees a run of the command line, with its metrics and lines", () =>
    Effect.gen(function* () {
      const { lines, metrics, services, spans, url } = yield* collector
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" }
      const ended = yield* run(flowFile, ["run", "--directory", join(directory, "cli")], { env })
      assert.strictEqual(ended.code, 0, ended.stderr)
      assert.deepStrictEqual(treeOf(spans), [
        "run TestFlow",
        "run TestFlow > task first",
        "run TestFlow > task second",
        "task first > attempt first",
        "task second > attempt second"
      ])
      assert.strictEqual(new Set(spans.map(({ traceId }) => traceId)).size, 1)
      assert.includeMembers([...metrics], ["effect_flow_tasks", "effect_flow_task_duration_ms"])
      assert.deepStrictEqual(lines, ["x is 3"])
      assert.deepStrictEqual([...services], ["TestFlow"])
    }).pipe(Effect.scoped)
  )

  it.live("sees a run of the command line that fails on threads", () =>
    Effect.gen(function* () {
      const { services, spans, url } = yield* collector
      const env = {
        OTEL_EXPORTER_OTLP_ENDPOINT: url,
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_SERVICE_NAME: "nightly"
      }
      const words = ["run", "--directory", join(directory, "cli"), "--executor", "threads", "--mode", "fail"]
      const ended = yield* run(flowFile, words, { env })
      assert.strictEqual(ended.code, 1, ended.stderr)
      const root = spans.find((span) => span.name === "run TestFlow")
      assert.deepStrictEqual(root?.status, { code: 2, message: 'The mode is "fail".' })
      assert.strictEqual(spans.filter((span) => span.name === "attempt second").length, 2)
      assert.deepStrictEqual([...services], ["nightly"])
    }).pipe(Effect.scoped)
  )

  it.live("that does not answer is no reason to lose a run, and wrong settings are said in a sentence", () =>
    Effect.gen(function* () {
      const words = ["run", "--directory", join(directory, "cli")]
      const [absent, wrong] = yield* Effect.all(
        ["http://me:hunter2@127.0.0.1:9", "nowhere"].map((endpoint) =>
          run(flowFile, words, { env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } })
        ),
        { concurrency: "unbounded" }
      )
      assert(absent !== undefined && wrong !== undefined)
      assert.strictEqual(absent.code, 0, absent.stderr)
      assert.match(
        absent.stderr,
        /^(?!.*hunter2).*\nSome spans, metrics or logs could not be sent to http:\/\/127\.0\.0\.1:9\/v1\/\w+: [^\n]+\.\n$/s
      )
      assert.strictEqual(wrong.code, 2, wrong.stderr)
      assert.strictEqual(
        wrong.stderr,
        'The OTEL_* environment variables can\'t be used: Expected a valid URL string at ["OTEL_EXPORTER_OTLP_ENDPOINT"].\n'
      )
    })
  )
})
