/**
 * A worker's health over HTTP, for orchestrators and monitors. `/live` answers as long as the process does, `/ready` says
 * whether the worker can take tasks, and `/metrics` has its metrics in Prometheus' text format.
 */
import { createServer, type ServerResponse } from "node:http"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import { ExecutorError } from "../../../Executor.ts"
import type { Queue } from "../../../Worker.ts"
import { monotonicMs } from "../../monotonic.ts"

/** What `/ready` says. */
export interface Health {
  readonly address: string
  readonly group: string
  readonly threads: number
  readonly busy: number
  readonly queued: number
  readonly draining: boolean
  /** How many of the parts of the group's work it has, and how many of its share it waits for. */
  readonly shards: number
  readonly missingShards: number
  /** Milliseconds since the database last answered for its parts. */
  readonly databaseMsAgo: number
}

const gauge = (name: string, description: string) => Metric.gauge(`effect_flow_${name}`, { description })

const busy = gauge("worker_busy", "Threads of this worker that execute a task")
const queued = gauge("worker_queued", "Tasks that wait for a thread of this worker")
const threads = gauge("worker_threads", "Threads of this worker")
const shards = gauge("worker_shards", "Parts of the group's work that this worker has")
const waiting = gauge("queue_waiting", "Tasks of the group that no worker executes yet")
const oldest = gauge("queue_oldest_wait_seconds", "How long the oldest of them has waited")

/** Sets the metrics. */
export const measure = (health: Health, queue: Queue | undefined): Effect.Effect<void> =>
  Effect.all(
    [
      Metric.update(busy, health.busy),
      Metric.update(queued, health.queued),
      Metric.update(threads, health.threads),
      Metric.update(shards, health.shards),
      ...(queue === undefined
        ? []
        : [Metric.update(waiting, queue.waiting), Metric.update(oldest, (queue.oldestWaitMs ?? 0) / 1000)])
    ],
    { discard: true }
  )

/** Serves the endpoints until the scope ends. */
export const serve = Effect.fnUntraced(function* (options: {
  readonly port: number
  readonly host: string
  /** A worker whose locks were confirmed longer ago than this, in milliseconds, is not ready. */
  readonly lockExpirationMs: number
  readonly health: Effect.Effect<Health>
}) {
  const context = yield* Effect.context<never>()
  const send = (response: ServerResponse, status: number, type: string, text: string) => {
    response.writeHead(status, { "content-type": type })
    response.end(text)
  }
  const answer = Effect.fnUntraced(function* (path: string | undefined, response: ServerResponse) {
    if (path === "/live") return send(response, 200, "text/plain; charset=utf-8", "live\n")
    if (path === "/metrics") {
      const text = yield* PrometheusMetrics.format()
      return send(response, 200, "text/plain; version=0.0.4; charset=utf-8", text)
    }
    if (path !== "/ready") {
      return send(response, 404, "text/plain; charset=utf-8", "There is /live, /ready and /metrics.\n")
    }
    const health = yield* options.health
    const isReady = !health.draining && health.shards > 0 && health.databaseMsAgo < options.lockExpirationMs
    return send(response, isReady ? 200 : 503, "application/json", `${JSON.stringify({ ready: isReady, ...health })}\n`)
  })
  const server = createServer((request, response) => {
    Effect.runForkWith(context)(answer(request.url?.split("?")[0], response))
  })
  yield* Effect.acquireRelease(
    Effect.callback<void, ExecutorError>((resume) => {
      server.once("error", (error) =>
        resume(
          Effect.fail(
            new ExecutorError({
              reason: "settings",
              message: `The worker's health endpoint can't listen at ${options.host}:${options.port}: ${error.message}. Choose another port with --health-port or EFFECT_FLOW_HEALTH_PORT.`
            })
          )
        )
      )
      server.listen(options.port, options.host, () => resume(Effect.void))
    }),
    () =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )
})

/** How long ago something was, by a monotonic clock. */
export const msSince = (at: number): Effect.Effect<number> => Effect.map(monotonicMs, (now) => now - at)
