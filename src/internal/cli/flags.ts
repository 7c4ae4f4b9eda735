/** The flags and arguments that several verbs share, and how a verb says what is to be done. */
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as StoreDirectory from "../store/directory.ts"
import type { Chosen } from "./cli.ts"

/** What a command line asks for, told to whoever runs it. */
export type Select = (action: (chosen: Chosen) => Effect.Effect<void, unknown>) => Effect.Effect<void>

/** `--directory`, for every verb. */
export const Directory = GlobalFlag.Setting("directory")({
  flag: Flag.String("directory").pipe(
    Flag.withMetavar("dir"),
    Flag.withDescription(
      `Where runs and artifacts are kept (default: ${StoreDirectory.variable}, else the nearest ${StoreDirectory.name})`
    ),
    Flag.optional
  )
})

/** `--database`, instead. */
export const Database = GlobalFlag.Setting("database")({
  flag: Flag.String("database").pipe(
    Flag.withMetavar("url"),
    Flag.withDescription("A store that several machines share, in Postgres (default: EFFECT_FLOW_DATABASE_URL)"),
    Flag.optional
  )
})

/** `--blobs`, with it. */
export const Blobs = GlobalFlag.Setting("blobs")({
  flag: Flag.String("blobs").pipe(
    Flag.withMetavar("dir"),
    Flag.withDescription("The directory of that store's large artifacts (default: EFFECT_FLOW_BLOBS)"),
    Flag.optional
  )
})

/** The flags that name the store. */
export const storeFlags = [Directory, Database, Blobs] as const

/** `--module`, of the package's own command line: read before the others, because a flow's flags come with it. */
export const Module = GlobalFlag.Setting("module")({
  flag: Flag.String("module").pipe(
    Flag.withMetavar("file"),
    Flag.withDescription(
      "The file or package that exports the flow: for run, resume, plan and worker, and to speak of its runs only"
    ),
    Flag.optional
  )
})

/** `--flow`, of the package's own command line. */
export const FlowName = GlobalFlag.Setting("flow")({
  flag: Flag.String("flow").pipe(
    Flag.withMetavar("name"),
    Flag.withDescription("Only runs of this flow; with --module, which of its flows"),
    Flag.optional
  )
})

/** A verb's module, when the verb is chosen. */
export const lazily =
  <M>(load: () => Promise<M>) =>
  (use: (module: M) => Effect.Effect<void, unknown>): Effect.Effect<void, unknown> =>
    Effect.flatMap(Effect.promise(load), use)

/** `--json`. */
export const json = (what: string) =>
  Flag.Boolean("json").pipe(
    Flag.withDescription(`Print ${what} as JSON`),
    Flag.withDefault(false),
    Flag.withoutNegation
  )

/** `--format`. */
export const format = <const F extends ReadonlyArray<string>>(formats: F) =>
  Flag.Literals("format", formats).pipe(
    Flag.withDescription(`How it is drawn (default: ${formats[0]})`),
    Flag.withDefault(formats[0] as F[number]) // a list of at least one
  )

/** A switch that is off. */
export const off = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false), Flag.withoutNegation)

/** `--sync`, for every verb that writes what tasks did. */
export const sync = off(
  "sync",
  "Sync each change of a store in a directory to the disk, so that a power cut loses nothing that was reported; without it, the last half minute may be missing, and resume executes its tasks again"
)

/** A flag that may be left out. */
export const optional = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.optional)

/** What was given, if anything was. */
export const maybe = <A>(value: Option.Option<A>): A | undefined => Option.getOrUndefined(value)

const naming = 'its id, a unique beginning of it, or "latest"'

/** The run that a verb is about. */
export const runArgument = Argument.String("run").pipe(
  Argument.withDescription(`A run: ${naming} (default: latest)`),
  Argument.withDefault("latest")
)

/** The run, or tasks of it, that a verb is about. */
export const targetArgument = Argument.String("run[/step[/id]]").pipe(
  Argument.withDescription("A run, the tasks of a step, or one task: latest/train/3 (default: latest)"),
  Argument.withDefault("latest")
)

export const aRun = (name: string) => Argument.String(name).pipe(Argument.withDescription(`A run: ${naming}`))
