/**
 * What the verbs of the command line share: the flow they speak of, where to write, how to say a command to type, and the
 * ways to end with an exit code.
 */

import * as Data from "effect/Data"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { ArtifactStore } from "../../ArtifactStore.ts"
import type { Any as AnyFlow } from "../../Flow.ts"
import type { RunStore } from "../../RunStore.ts"
import type { Stream } from "./live/reporter.ts"
import { quote } from "./program.ts"

/** The exit codes of the command line. */
export const exitCodes = { succeeded: 0, failed: 1, usage: 2, interrupted: 130 } as const

/** Ends the program: with a sentence, or with none where everything has been said. */
export class Exit extends Data.TaggedError("Exit")<{ readonly code: number; readonly message: string }> {}

/** A flow with the layer of what it needs beyond storage. */
export interface Subject {
  readonly flow: AnyFlow
  readonly layer: Layer.Layer<any, any, any> | undefined
  /** The file of the module that exports it, or that called `FlowCli.main`. */
  readonly module: string
}

/** The command line as it was started. */
export interface Cli {
  /** None for `effect-flow` without `--module`: it speaks of any flow. */
  readonly subject: Subject | undefined
  /** As help shows it. */
  readonly name: string
  /** As a user would type it. */
  readonly invocation: string
  readonly version: string
  readonly stdout: Stream
  readonly stderr: Stream
  readonly environment: { readonly [name: string]: string | undefined }
  /** What the verb that runs has made of it. */
  readonly state: {
    /** Where something is said while a live table is on the screen. */
    announce?: ((text: string) => void) | undefined
    /** Whether it goes on until it is told to stop: then that is how it ends well. */
    service?: boolean
    /** The exit code, once there is one. */
    code?: number
  }
}

/** The store that was chosen: a directory, or a Postgres database with a directory of blobs that all its users share. */
export type Store =
  | {
      readonly _tag: "Local"
      readonly directory: string
      /** Flags that lead there again; none where it is found without. */
      readonly flags: ReadonlyArray<string>
    }
  | {
      readonly _tag: "Postgres"
      readonly url: Redacted.Redacted
      readonly blobs: string
      /** Flags that lead there again, without the password; none where the environment does. */
      readonly flags: ReadonlyArray<string>
    }

/** What a verb needs besides. */
export interface Chosen {
  readonly store: Store
  /** The flow whose runs are meant; of any flow where there is none. */
  readonly flow: string | undefined
}

/** A store, as verbs need it. */
export type Stores = ArtifactStore | RunStore

/** A store as it is shown: its directory, or the database without user and password. */
export const storeName = (store: Store): string => {
  if (store._tag === "Local") return store.directory
  const url = Redacted.value(store.url)
  return URL.canParse(url) ? `${new URL(url).host}${new URL(url).pathname}` : "Postgres"
}

/** A command to type: this program with words, and the flags that lead to the same store and flow. */
export const command = (cli: Cli, { store }: Chosen, ...words: ReadonlyArray<string>): string =>
  [
    cli.invocation,
    ...words.map(quote),
    ...(cli.invocation === "npx effect-flow" && cli.subject !== undefined && /^(run|resume|plan)$/.test(words[0] ?? "")
      ? ["--module", quote(cli.subject.module)]
      : []),
    ...store.flags.map(quote)
  ].join(" ")

/** A line of result. */
export const print = (cli: Cli, text: string): void => void cli.stdout.write(`${text}\n`)

/** Text is written in pieces of about this many characters: a string of all of a large run would exceed what Node allows. */
const pieceLength = 64 * 1024

/** Prints an object as `JSON.stringify` with two spaces would, its lists item by item. */
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

/** A line that is no result. */
export const say = (cli: Cli, text: string): void => void cli.stderr.write(`${text}\n`)
