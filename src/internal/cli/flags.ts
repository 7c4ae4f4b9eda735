/** The flags and arguments that several verbs share, and the function by which a command hands over its action. */
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as StoreDirectory from "../store/directory.ts"
import type { Chosen } from "./cli.ts"

/** Hands the action of the parsed command to the interpreter. */
export type Select = (action: (chosen: Chosen) => Effect.Effect<void, unknown>) => Effect.Effect<void>

/** `--directory`, a flag of every verb. */
export const Directory = GlobalFlag.Setting("directory")({
  flag: Flag.String("directory").pipe(
    Flag.withMetavar("dir"),
    Flag.withDescription(
      `The directory of the store (default: ${StoreDirectory.variable}, else the nearest ${StoreDirectory.name})`
    ),
    Flag.optional
  )
})

/** `--database`, the alternative to `--directory`. */
export const Database = GlobalFlag.Setting("database")({
  flag: Flag.String("database").pipe(
    Flag.withMetavar("url"),
    Flag.withDescription("The Postgres URL of a shared store (default: EFFECT_FLOW_DATABASE_URL)"),
    Flag.optional
  )
})

/** `--blobs`, used together with `--database`, or with `--directory` for a bucket. */
export const Blobs = GlobalFlag.Setting("blobs")({
  flag: Flag.String("blobs").pipe(
    Flag.withMetavar("dir|s3://bucket/prefix"),
    Flag.withDescription(
      "Where large artifacts are: a bucket, or for a Postgres store, a directory that its users share (default: EFFECT_FLOW_BLOBS)"
    ),
    Flag.optional
  )
})

/** `--cache-dir`, used together with a bucket. */
export const CacheDirectory = GlobalFlag.Setting("cache-dir")({
  flag: Flag.String("cache-dir").pipe(
    Flag.withMetavar("dir"),
    Flag.withDescription(
      "The directory of this machine that keeps artifacts from a bucket, so that each is fetched once (default: EFFECT_FLOW_CACHE_DIR)"
    ),
    Flag.optional
  )
})

/** The flags that select the store. */
export const storeFlags = [Directory, Database, Blobs, CacheDirectory] as const

/**
 * `--module`, a flag of the package's own command line. It is read before all others, because the flow defines further
 * flags.
 */
export const Module = GlobalFlag.Setting("module")({
  flag: Flag.String("module").pipe(
    Flag.withMetavar("file"),
    Flag.withDescription(
      "The file or package that exports the flow: required by run, resume, plan and worker; limits other verbs to its runs"
    ),
    Flag.optional
  )
})

/** `--flow`, a flag of the package's own command line. */
export const FlowName = GlobalFlag.Setting("flow")({
  flag: Flag.String("flow").pipe(
    Flag.withMetavar("name"),
    Flag.withDescription("Only runs of this flow; with --module, selects one of its flows"),
    Flag.optional
  )
})

/** Loads a verb's module when the verb runs. */
export const lazily =
  <M>(load: () => Promise<M>) =>
  (use: (module: M) => Effect.Effect<void, unknown>): Effect.Effect<void, unknown> =>
    Effect.flatMap(Effect.promise(load), use)

/** `--json`. */
export const json = (subject: string) =>
  Flag.Boolean("json").pipe(
    Flag.withDescription(`Print ${subject} as JSON`),
    Flag.withDefault(false),
    Flag.withoutNegation
  )

/** `--format`. */
export const format = <const F extends ReadonlyArray<string>>(formats: F) =>
  Flag.Literals("format", formats).pipe(
    Flag.withDescription(`The output format (default: ${formats[0]})`),
    Flag.withDefault(formats[0] as F[number]) // the list is not empty
  )

/** A boolean flag, off by default. */
export const off = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false), Flag.withoutNegation)

/** `--sync`, for every verb that writes what tasks did. */
export const sync = off(
  "sync",
  "Sync each change of a store in a directory to the disk, so that a power cut loses nothing that was reported; without it, the last half minute may be missing, and resume executes its tasks again"
)

/** An optional flag with a text value. */
export const optional = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.optional)

/** An optional flag with a whole number. */
export const whole = (
  name: string,
  description: string,
  { least, most = Number.MAX_SAFE_INTEGER }: { readonly least: number; readonly most?: number }
) =>
  Flag.Int(name).pipe(
    Flag.withMetavar("n"),
    Flag.withDescription(description),
    Flag.filter(
      (value) => value >= least && value <= most,
      () => {
        if (most !== Number.MAX_SAFE_INTEGER) return `Expected a number from ${least} to ${most}`
        return least === 0 ? "Expected a non-negative number" : `Expected a number of at least ${least}`
      }
    ),
    Flag.optional
  )

const highestPort = 65_535

/** An optional flag with a port. */
export const port = (name: string, description: string) => whole(name, description, { least: 0, most: highestPort })

/** The value of an optional flag, or `undefined`. */
export const maybe = <A>(value: Option.Option<A>): A | undefined => Option.getOrUndefined(value)

const naming = 'its id, a unique prefix, or "latest"'

/** The argument of verbs that work on a run. */
export const runArgument = Argument.String("run").pipe(
  Argument.withDescription(`A run: ${naming} (default: latest)`),
  Argument.withDefault("latest")
)

/** The argument of verbs that work on a run or on some of its tasks. */
export const targetArgument = Argument.String("run[/step[/id]]").pipe(
  Argument.withDescription("A run, the tasks of a step, or one task: latest/train/3 (default: latest)"),
  Argument.withDefault("latest")
)

export const aRun = (name: string) => Argument.String(name).pipe(Argument.withDescription(`A run: ${naming}`))
