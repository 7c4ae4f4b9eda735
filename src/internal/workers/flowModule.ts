/**
 * Finds flows in a module. Only data can be sent to another thread or process, so a worker imports the module that
 * exports the flow and finds the step's body by the names of flow and step.
 */
import { stat } from "node:fs/promises"
import { resolve } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import * as Effect from "effect/Effect"
import { hasProperty } from "effect/Predicate"
import { ExecutorError } from "../../Executor.ts"
import { type Any as AnyFlow, provide } from "../../Flow.ts"
import { messageOf } from "../cause.ts"
import { isFlow, layerOf } from "./flowLayers.ts"

/** The module's URL, from a path (from the working directory) or a URL. */
export const urlOf = (module: string | URL): string =>
  module instanceof URL ? module.href : module.startsWith("file:") ? module : pathToFileURL(resolve(module)).href

/** A module's name in messages. */
export const show = (url: string): string => (url.startsWith("file:") ? fileURLToPath(url) : url)

/** The flows that a module exports, by name; of two with one name, the one that carries a layer. */
export const load = (url: string): Effect.Effect<ReadonlyMap<string, AnyFlow>, ExecutorError> =>
  Effect.map(
    Effect.tryPromise({
      try: async () => {
        if (url.startsWith("file:")) await stat(fileURLToPath(url))
        return (await import(url)) as Record<string, unknown> // a module's exports
      },
      catch: (cause) =>
        new ExecutorError({
          reason: "module",
          message: isMissing(cause, url)
            ? `There is no module ${show(url)} for workers to import. Give the path or the URL of the file that exports the flow.`
            : `The module ${show(url)} can't be imported by a worker: ${messageOf(cause)}`
        })
    }),
    (exports) => {
      const flows = new Map<string, AnyFlow>()
      for (const exported of Object.values(exports)) {
        if (!isFlow(exported)) continue
        // A module that passed its flow's layer to `FlowCli.main` need not export the flow with the layer.
        const offered = layerOf(exported)
        const value = offered === undefined ? exported : (provide(exported, offered) as AnyFlow) // still a flow
        const name: string = value.flowName
        const earlier = flows.get(name)
        if (earlier === undefined || (earlier.layer === undefined && value.layer !== undefined)) flows.set(name, value)
      }
      return flows
    }
  )

const isMissing = (cause: unknown, url: string) =>
  hasProperty(cause, "code") && cause.code === "ENOENT" && hasProperty(cause, "path") && cause.path === show(url)

/** The error for a module without the flow. */
export const notExported = (url: string, flow: string, names: ReadonlyArray<string>): ExecutorError =>
  new ExecutorError({
    reason: "module",
    message:
      `The module ${show(url)} exports no flow named "${flow}"; ` +
      (names.length === 0
        ? "it exports no flow at all."
        : `it exports ${names.map((name) => `"${name}"`).join(", ")}.`) +
      " Workers find a flow among its module's exports: export it there, or name the module that does."
  })
