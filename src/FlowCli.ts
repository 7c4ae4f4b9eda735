/**
 * A flow file's own command line. With `FlowCli.main(flow)` at its end, `tsx branch.ts --train-file A` runs the flow, and
 * verbs such as `resume`, `runs`, `show`, `dump` and `ui` work with its runs; `--help` lists them. Parameters are flags,
 * made from their schemas. The package's bin, `effect-flow`, has the same verbs for any store.
 *
 * A flow's log goes to stderr; stdout is for results. Exit codes: 0 succeeded, 1 failed, 2 wrong usage, 130 interrupted.
 */
import * as Module from "node:module"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { ArtifactStore } from "./ArtifactStore.ts"
import type * as Flow from "./Flow.ts"
import { keepCompiledCode } from "./internal/cli/compileCache.ts"
import { isEntry } from "./internal/cli/entry.ts"
import { offer } from "./internal/workers/flowLayers.ts"
import type { RunStore } from "./RunStore.ts"
import type { IsAny } from "./Step.ts"

/**
 * A loader that turns on source maps (tsx does) makes Node also read the maps of all dependencies, some of which are
 * megabytes. This limits source maps to the program's own files.
 */
const withoutForeignMaps = (): void => {
  const support = Module.getSourceMapsSupport?.() // available in Node 23.7 and later
  if (support?.enabled === true) Module.setSourceMapsSupport(true, { ...support, nodeModules: false })
}

/** The services that the command line itself provides. */
type Provided = ArtifactStore | RunStore

/** The options of `main`. */
export interface Options<R> {
  /** Provides what the flow needs beyond storage; built when the flow is about to run. */
  readonly layer?: Layer.Layer<R, unknown, Provided>
  /**
   * The calling module's `import.meta`, for cases in which `main` can't detect that its caller is the module that was
   * started.
   */
  readonly module?: { readonly url: string }
}

/** The flow itself, or a message that names the services that neither storage nor the layer provides. */
export type Runnable<F, Missing> = [Missing] extends [never]
  ? F
  : IsAny<Missing> extends true
    ? "main can't tell which services this flow needs, because its type says any"
    : unknown extends Missing // what is given is not a flow, so the compiler finds no services in it
      ? "main takes a flow, made by Flow.make"
      : `main needs a layer for ${NameOf<Missing>}`
type NameOf<R> = R extends { readonly key: infer Key extends string } ? LastPart<Key> : "a service"
type LastPart<Key extends string> = Key extends `${string}/${infer Rest}` ? LastPart<Rest> : Key

/**
 * Runs the command line of a flow, if the module that calls it is the one that the process was started with, and ends
 * the process with its exit code. Otherwise it only registers the flow and its layer, because a flow file may also be
 * imported by a test, a worker thread, or `effect-flow --module`.
 *
 * @param options.layer Provides what the flow needs beyond storage, its body included: it is built before a run starts. The
 *   steps of a flow with `Flow.provide` do not all wait for that flow's own layer (see `layer` of `Step.make`).
 *
 * @example
 * ```ts
 * FlowCli.main(BranchNLPFlow, { layer: Tensorflow.layer })
 * ```
 *
 * Gotchas: `main` looks for the started file on the call stack. A tool that starts programs in its own way may hide it.
 * Then pass `module: import.meta`, which is compared with `process.argv[1]`.
 */
export const main: {
  // `unknown` excludes every service, because the compiler checks the flow once before it has inferred the layer.
  <Name extends string, P extends Flow.Parameters, Out, E, R, Given = unknown>(
    flow: Runnable<Flow.Flow<Name, P, Out, E, R>, Exclude<R, Provided | Given>>,
    options: Options<Given> & { readonly layer: Layer.Layer<Given, unknown, Provided> }
  ): void
  <Name extends string, P extends Flow.Parameters, Out, E, R>(
    flow: Runnable<Flow.Flow<Name, P, Out, E, R>, Exclude<R, Provided>>,
    options?: Omit<Options<never>, "layer">
  ): void
} = (flow: unknown, options: Options<unknown> = {}): void => {
  const { layer, module } = options
  offer({ flow: flow as Flow.Any, layer }) // if the type is a message instead, the call does not compile
  if (!isEntry(process.argv[1], module)) return
  mains.push((flow as Flow.Any).flowName)
  if (mains.length > 1) return
  withoutForeignMaps()
  keepCompiledCode()
  void import("./internal/cli/main.ts").then(({ start }) => {
    if (mains.length > 1) refuseSecond()
    else start({ flow: flow as Flow.Any, layer, module: process.argv[1] ?? "" }, Effect.succeed)
  })
}

/** The flows that `main` was called for: one, in a correct program. */
const mains: Array<string> = []

const refuseSecond = (): void => {
  const names = mains.map((name) => `"${name}"`).join(" and ")
  const message = `This program calls FlowCli.main for ${names}, but a program can have only one command line. Keep one call (in a bundle, leave the others out), and run the other flows with \`npx effect-flow --module FILE --flow NAME\`.`
  process.exitCode = 2
  process.stderr.write(`${message}\n`, () => process.exit(2))
}
