/**
 * The context that the verbs of the command line share: the flow, the output streams, commands to suggest, and exit
 * codes.
 */
import { relative, resolve } from "node:path"
import * as Data from "effect/Data"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { ArtifactStore } from "../../ArtifactStore.ts"
import type { Any as AnyFlow } from "../../Flow.ts"
import type { RunStore } from "../../RunStore.ts"
import { reasonOf } from "../cause.ts"
import type { Address } from "../s3/address.ts"
import type { Stream } from "./live/reporter.ts"
import { quote } from "./program.ts"

/** The exit codes of the command line. */
export const exitCodes = { succeeded: 0, failed: 1, usage: 2, interrupted: 130 } as const

/** Ends the program with an exit code. Without a message, everything has already been printed. */
export class Exit extends Data.TaggedError("Exit")<{ readonly code: number; readonly message: string }> {}

/** Ends the program because a file that `--out` names can't be written. */
export const unwritable =
  (out: string) =>
  (cause: unknown): Exit =>
    new Exit({ code: exitCodes.failed, message: `${out} can't be written: ${reasonOf(cause)}.` })

/** A flow with the layer for the services that it needs beyond storage. */
export interface Subject {
  readonly flow: AnyFlow
  readonly layer: Layer.Layer<any, any, any> | undefined
  /** The module that exports the flow or called `FlowCli.main`. */
  readonly module: string
}

/** The command line as it was started. */
export interface Cli {
  /** Absent for `effect-flow` without `--module`, which covers the runs of all flows. */
  readonly subject: Subject | undefined
  /** The program's name in help. */
  readonly name: string
  /** The words that a user types to start this program. */
  readonly invocation: string
  readonly version: string
  readonly stdout: Stream
  readonly stderr: Stream
  readonly environment: { readonly [name: string]: string | undefined }
  /** State that the running verb sets. */
  readonly state: {
    /** Prints a message above the live table while one is shown. */
    announce?: ((text: string) => void) | undefined
    /** Whether the verb runs until it is stopped. Stopping it is then a success. */
    service?: boolean
    /**
     * What is said when a signal ends the process without waiting for the store, which may be suspended or out of reach.
     * Undefined while the process has to wait, because something would be lost that only it knows.
     */
    leave?: () => string | undefined
    /** The exit code, once it is known. */
    code?: number
  }
}

/** The selected store: a directory, or a Postgres database with a shared directory of blobs; the blobs may be in a bucket. */
export type Store =
  | {
      readonly _tag: "Local"
      readonly directory: string
      /** Where large artifacts are, if they are in a bucket. */
      readonly bucket?: Bucket | undefined
      /** The flags that select this store again. Empty if it is found without flags. */
      readonly flags: ReadonlyArray<string>
    }
  | {
      readonly _tag: "Postgres"
      readonly url: Redacted.Redacted
      readonly blobs: string | Bucket
      /** The flags that select this store again, without the password. Empty if the environment selects it. */
      readonly flags: ReadonlyArray<string>
    }

/** A bucket for large artifacts, and where they are cached. */
export interface Bucket extends Address {
  readonly cacheDirectory: string | undefined
}

/** The global choices of a command line. */
export interface Chosen {
  readonly store: Store
  /** The flow whose runs the verb covers. Absent for the runs of all flows. */
  readonly flow: string | undefined
}

/** The services that verbs need from a store. */
export type Stores = ArtifactStore | RunStore

/** A store's name for people: its directory, or the database without user and password. */
export const storeName = (store: Store): string => {
  if (store._tag === "Local") return store.directory
  const url = Redacted.value(store.url)
  return URL.canParse(url) ? `${new URL(url).host}${new URL(url).pathname}` : "Postgres"
}

/** A command to suggest: this program with the given words and the flags that select the same store and flow. */
export const command = (cli: Cli, { store }: Chosen, ...words: ReadonlyArray<string>): string =>
  [
    cli.invocation,
    ...words.map(quote),
    ...(cli.invocation === "npx effect-flow" && cli.subject !== undefined && /^(run|resume|plan)$/.test(words[0] ?? "")
      ? ["--module", quote(cli.subject.module)]
      : []),
    ...store.flags.map(quote)
  ].join(" ")

/** The words that start this flow's program again, without a verb: they can be followed by `run` and `resume`. */
export const program = (cli: Cli, subject: Subject): string =>
  cli.invocation === "npx effect-flow"
    ? [cli.invocation, "--module", quote(near(subject.module)), "--flow", quote(subject.flow.flowName)].join(" ")
    : cli.invocation

/** A path as seen from the working directory, if it is below it. */
const near = (path: string): string => {
  const below = relative(process.cwd(), path)
  return below === "" || below.startsWith("..") ? path : below
}

/** The flags that select a store from any directory. */
export const storeFlags = (store: Store): ReadonlyArray<string> =>
  store._tag === "Local" ? ["--directory", resolve(store.directory)] : store.flags

/** Prints a line of the result to stdout. */
export const print = (cli: Cli, text: string): void => void cli.stdout.write(`${text}\n`)

/**
 * Text is written in pieces of about this many characters, because the JSON of a large run would exceed Node's limit
 * for strings.
 */
const pieceLength = 64 * 1024

/** Prints an object like `JSON.stringify` with two spaces, but lists item by item. */
export const printJson = (cli: Cli, value: { readonly [key: string]: unknown }): void => {
  let piece = ""
  const put = (text: string) => {
    piece += text
    if (piece.length < pieceLength) return
    cli.stdout.write(piece)
    piece = ""
  }
  const entries = Object.entries(value).filter(([, part]) => part !== undefined)
  put("{\n")
  for (const [i, [name, part]] of entries.entries()) {
    put(`  ${JSON.stringify(name)}: `)
    if (Array.isArray(part) && part.length > 0) {
      put("[\n")
      for (const [j, item] of part.entries()) put(`    ${indented(item, 4)}${j < part.length - 1 ? "," : ""}\n`)
      put("  ]")
    } else put(indented(part, 2))
    put(i < entries.length - 1 ? ",\n" : "\n")
  }
  cli.stdout.write(`${piece}}\n`)
}

const indented = (value: unknown, spaces: number): string =>
  (JSON.stringify(value, undefined, 2) ?? "null").replaceAll("\n", `\n${" ".repeat(spaces)}`)

/** Prints a line that is not part of the result to stderr. */
export const say = (cli: Cli, text: string): void => void cli.stderr.write(`${text}\n`)
