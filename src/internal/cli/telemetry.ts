/**
 * Spans, metrics and log lines of a command line go where OpenTelemetry's environment variables say, in OTLP over HTTP.
 * Without such variables none of it is loaded. Everything has been sent before the process ends, also after a failure or a
 * Ctrl-C; only a process that ends at once (`process.exit` in a step, a second Ctrl-C) loses what was not sent yet. A collector
 * that does not answer delays the end by a few seconds, and a line says what did not reach it; nothing else changes.
 */
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { HttpClientError } from "effect/http/HttpClientError"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import { codeOf, messageOf, reasonOf } from "../cause.ts"
import * as Cli from "./cli.ts"

type Environment = Cli.Cli["environment"]

const signals = ["TRACES", "METRICS", "LOGS"]

/** Whether the environment names a collector, or asks for OTLP by name. */
const isAskedFor = (environment: Environment): boolean =>
  environment.OTEL_SDK_DISABLED?.toLowerCase() !== "true" &&
  ((environment.OTEL_EXPORTER_OTLP_ENDPOINT ?? "") !== "" ||
    signals.some(
      (signal) =>
        (environment[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`] ?? "") !== "" ||
        (environment[`OTEL_${signal}_EXPORTER`] ?? "").includes("otlp")
    ))

/**
 * The variables with the defaults that the specification gives them, and the flow's name for that of the service.
 *
 * Reference: OpenTelemetry, Environment Variable Specification, and OTLP Exporter Configuration.
 */
const withDefaults = (environment: Environment, service: string): Record<string, string> => {
  const given = Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => (entry[1] ?? "") !== "") // empty is unset
  )
  const named = (given.OTEL_RESOURCE_ATTRIBUTES ?? "").includes("service.name=")
  return {
    OTEL_TRACES_EXPORTER: "otlp",
    OTEL_METRICS_EXPORTER: "otlp",
    OTEL_LOGS_EXPORTER: "otlp",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318",
    ...(named ? undefined : { OTEL_SERVICE_NAME: service }),
    ...given
  }
}

/** Runs what is to be observed under what the environment asks for. */
export const observed =
  (cli: Cli.Cli, service: string) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | Cli.Exit, R> =>
    isAskedFor(cli.environment) ? Effect.scoped(under(cli, service, self)) : self

const under = Effect.fnUntraced(function* <A, E, R>(cli: Cli.Cli, service: string, self: Effect.Effect<A, E, R>) {
  const environment = withDefaults(cli.environment, service)
  const protocol = environment.OTEL_EXPORTER_OTLP_PROTOCOL ?? "http/protobuf"
  if (protocol !== "http/protobuf" && protocol !== "http/json") {
    return yield* refuse(`OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf or http/json, but it is "${protocol}".`)
  }
  const [Otlp, Serialization, FetchHttpClient, HttpClient] = yield* Effect.promise(() =>
    Promise.all([
      import("effect/observability/Otlp"),
      import("effect/observability/OtlpSerialization"),
      import("effect/http/FetchHttpClient"),
      import("effect/http/HttpClient")
    ])
  )
  /** Why the last request to an address failed, if it did. */
  const unsent = new Map<string, string>()
  const client = HttpClient.transform((response: Effect.Effect<HttpClientResponse, HttpClientError>, { url }) =>
    Effect.onExit(response, (exit) =>
      Effect.sync(() => {
        const failure = failureOf(exit)
        if (failure === undefined) unsent.delete(url)
        else unsent.set(url, failure)
      })
    )
  )
  // Added first, so that it runs last: when the exporters are closed, they send what they have.
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      const [first] = unsent
      if (first === undefined) return
      const [url, failure] = first
      Cli.say(cli, withoutUser(`Some spans, metrics or logs could not be sent to ${url}: ${failure}.`))
    })
  )
  const layer = Otlp.layerFromConfig().pipe(
    Layer.provide(protocol === "http/json" ? Serialization.layerJson : Serialization.layerProtobuf),
    Layer.provide(Layer.effect(HttpClient.HttpClient, Effect.map(HttpClient.HttpClient, client))),
    Layer.provide(FetchHttpClient.layer),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: environment })))
  )
  const context = yield* Effect.catchDefect(Layer.build(layer), (defect) => refuse(mistakeIn(defect)))
  return yield* Effect.provideContext(self, context)
})

/** Why a request failed; nothing if it did not. One that is interrupted was given up when the process wanted to end. */
const failureOf = (exit: Exit.Exit<HttpClientResponse, HttpClientError>): string | undefined => {
  if (Exit.isSuccess(exit)) {
    const { status } = exit.value
    return status >= 200 && status < 300 ? undefined : `the collector answered ${status}`
  }
  if (Cause.hasInterruptsOnly(exit.cause)) return "the collector did not answer in time"
  let cause: unknown = Cause.squash(exit.cause)
  // The reason lies within: the client's error holds that of `fetch`, which holds the system's.
  for (let depth = 0; depth < 5 && cause instanceof Error && codeOf(cause) === ""; depth++) {
    const { cause: inner = (cause as { readonly reason?: unknown }).reason } = cause // an HttpClientError has one
    if (inner === undefined) break
    cause = inner
  }
  return reasonOf(cause)
}

/** A text without the user names and passwords of the addresses in it. */
const withoutUser = (text: string): string => text.replace(/\/\/[^/@\s]*@/g, "//")

/** What is wrong with a variable, on one line. */
const mistakeIn = (defect: unknown): string => {
  const text = defect instanceof Config.ConfigError ? messageOf(defect.cause) : messageOf(defect)
  return `${text.replace(/\s+/g, " ")}.`
}

const refuse = (why: string) =>
  Effect.fail(
    new Cli.Exit({
      code: Cli.exitCodes.usage,
      message: `The OTEL_* environment variables can't be used: ${why}`
    })
  )
