/**
 * Loads TensorFlow.js on demand: only its core and one backend, and its layers when a program uses them, not the
 * `@tensorflow/tfjs` bundle, which has all of them.
 */
import { existsSync, readdirSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import util from "node:util"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { messageOf } from "../../internal/cause.ts"
import * as ChainedOps from "./chainedOps.ts"
import * as Disposal from "./disposal.ts"
import type { Core, Tf } from "./tf.ts"
import * as WasmKernels from "./wasmKernels.ts"

export type { Core, Tf } from "./tf.ts"

/** A backend of TensorFlow.js: `node` is the native library of `@tensorflow/tfjs-node`. */
export type Backend = "node" | "wasm" | "cpu"

/** TensorFlow.js on a backend. */
export interface Loaded {
  /** The core and the layers. The layers are loaded when this is first read. */
  readonly tf: Tf
  /** The core alone, which loads sooner. Absent where a program provides its own TensorFlow.js. */
  readonly core?: Core
  readonly backend: Backend
  /** Why each better backend can't be used. */
  readonly passedOver: ReadonlyArray<TensorflowError>
}

/** A backend of TensorFlow.js can't be used. The message says why. */
export class TensorflowError extends Schema.TaggedError<TensorflowError>()("TensorflowError", {
  backend: Schema.Literals(["node", "wasm", "cpu"]),
  message: Schema.String
}) {}

/** The names of the backends in TensorFlow.js. */
export const names: { readonly [B in Backend]: string } = { node: "tensorflow", wasm: "wasm", cpu: "cpu" }

/** The file from which packages are resolved: this file, or its bundle. A CommonJS bundle has no `import.meta.url`. */
const here = (): string =>
  import.meta.url ?? (typeof __filename === "string" ? __filename : join(process.cwd(), "index.js"))

/**
 * Loads a package of TensorFlow.js. They are CommonJS without declaring it. An `import` compiles each file twice to
 * find out, and a loader such as tsx reads it again, which makes loading up to twice as slow.
 *
 * A call named `require` with a literal package name would make bundlers follow it into native code that they can't
 * bundle, so packages are resolved at run time.
 */
const load = (name: string) => createRequire(here())(/* turbopackIgnore: true */ /* webpackIgnore: true */ name)

const resolve = (name: string): string => createRequire(here()).resolve(/* turbopackIgnore: true */ name)

const requireCore = (): Core => {
  const core: Core = load("@tensorflow/tfjs-core")
  core.env().set("PROD", true) // no banner that asks to install tfjs-node
  ChainedOps.register(core)
  return core
}

const layersName = "@tensorflow/tfjs-layers"

const requireTf = (): Tf => {
  const layers: typeof import("@tensorflow/tfjs-layers") = load(layersName)
  const tf = { ...requireCore(), ...layers }
  Disposal.patch(tf)
  return tf
}

/**
 * Registers the native backend if its library is installed. Without the library, the package loads slowly and then
 * throws.
 */
const requireNode = (): void => {
  const name = "@tensorflow/tfjs-node"
  let root: string
  try {
    root = dirname(resolve(`${name}/package.json`))
  } catch {
    throw new Error(`${name} is not installed`)
  }
  const lib = join(root, "lib")
  const isInstalled =
    existsSync(lib) && readdirSync(lib).some((folder) => existsSync(join(lib, folder, "tfjs_binding.node")))
  if (!isInstalled) throw new Error(`the native library of ${name} is missing; "npm rebuild ${name}" downloads it`)
  // Node 23 dropped it, and tfjs-node 4 calls it: https://github.com/tensorflow/tfjs/issues/8609
  const utilities = util as { isNullOrUndefined?: (value: unknown) => boolean }
  utilities.isNullOrUndefined ??= (value) => value === null || value === undefined
  load(name)
}

const requireBackend = (core: Core, backend: Backend): void => {
  if (backend === "node") requireNode()
  else if (backend === "wasm") {
    load("@tensorflow/tfjs-backend-wasm")
    WasmKernels.register(core)
  } else load("@tensorflow/tfjs-backend-cpu")
}

const failure =
  (backend: Backend) =>
  (cause: unknown): TensorflowError =>
    new TensorflowError({
      backend,
      message: `The ${backend} backend of TensorFlow.js can't be used: ${messageOf(cause)}.`
    })

const start = async (core: Core, backend: Backend): Promise<void> => {
  if (!(await core.setBackend(names[backend]))) throw new Error("it failed to start")
  await core.ready()
}

/** The core of what was loaded. */
export const coreOf = (loaded: Loaded): Core => loaded.core ?? loaded.tf

/** Makes a loaded backend the current one. */
export const use = (loaded: Loaded): Effect.Effect<void, TensorflowError> => {
  const core = coreOf(loaded)
  return core.getBackend() === names[loaded.backend]
    ? Effect.void
    : Effect.tryPromise({ try: () => start(core, loaded.backend), catch: failure(loaded.backend) })
}

/** Loads the core of TensorFlow.js with one backend, and makes it the current one. */
export const loadOne = (backend: Backend): Effect.Effect<Core, TensorflowError> =>
  Effect.tryPromise({
    try: async () => {
      const core = requireCore()
      resolve(layersName) // a package that is missing is reported here, where an error is expected
      requireBackend(core, backend)
      await start(core, backend)
      return core
    },
    catch: failure(backend)
  })

/** Starts another backend, and leaves the current one in use. */
export const startBeside = (core: Core, backend: Backend): Effect.Effect<void, TensorflowError> =>
  Effect.suspend(() => {
    const current = core.getBackend()
    return Effect.ensuring(
      loadOne(backend),
      Effect.promise(() => core.setBackend(current))
    )
  })

/** TensorFlow.js on a backend, without its layers until they are used. */
class Loading implements Loaded {
  readonly core: Core
  readonly backend: Backend
  readonly passedOver: ReadonlyArray<TensorflowError>
  private whole: Tf | undefined

  constructor(core: Core, backend: Backend, passedOver: ReadonlyArray<TensorflowError>) {
    this.core = core
    this.backend = backend
    this.passedOver = passedOver
  }

  get tf(): Tf {
    this.whole ??= requireTf()
    return this.whole
  }
}

/** All backends, the fastest first. */
export const all: ReadonlyArray<Backend> = ["node", "wasm", "cpu"]

/** Loads TensorFlow.js with the first usable backend. */
export const loadFirst = Effect.fnUntraced(function* (backends: ReadonlyArray<Backend>) {
  const passedOver: Array<TensorflowError> = []
  for (const backend of backends) {
    const result = yield* Effect.result(loadOne(backend))
    if (Result.isFailure(result)) {
      passedOver.push(result.failure)
      continue
    }
    if (passedOver.length > 0) yield* Effect.logDebug(passedOver.map(({ message }) => message).join(" "))
    yield* Effect.logDebug(`TensorFlow.js runs on its ${backend} backend`)
    return new Loading(result.success, backend, passedOver)
  }
  return yield* new TensorflowError({
    backend: backends[backends.length - 1] ?? "cpu",
    message: passedOver.map(({ message }) => message).join(" ")
  })
})

/** TensorFlow.js on its current or its best backend, for code without access to services. */
export const current: Effect.Effect<Tf, TensorflowError> = Effect.flatMap(Effect.sync(requireTf), (tf) =>
  tf.getBackend() === undefined || tf.getBackend() === "" ? Effect.as(loadFirst(all), tf) : Effect.succeed(tf)
)
