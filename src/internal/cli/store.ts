/** Selects the store that a verb works on, and opens it. */
import { statSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import { codeOf } from "../cause.ts"
import * as Address from "../s3/address.ts"
import * as StoreDirectory from "../store/directory.ts"
import {
  type Bucket,
  type Chosen,
  type Cli,
  command,
  Exit,
  exitCodes,
  type Store,
  type Stores,
  say,
  storeName
} from "./cli.ts"

/** The values of the flags that select a store. */
export interface Given {
  readonly directory: string | undefined
  readonly database: string | undefined
  readonly blobs: string | undefined
  readonly cacheDirectory: string | undefined
  /** The flags that gave the directory and the blobs. Default: `--directory` and `--blobs`. */
  readonly named?: { readonly directory: string; readonly blobs: string }
}

const ownFlags = { directory: "--directory", blobs: "--blobs" }

const usage = (message: string) => Effect.fail(new Exit({ code: exitCodes.usage, message }))

/** The error for two stores that are named at once. */
const ambiguousStore = (directory: string, database: string) =>
  usage(`${directory} and ${database} select two different stores. Use one of them.`)

/** The bucket that a text names, if it is meant to name one. */
const bucketOf = (cli: Cli, text: string | undefined, given: Given): Effect.Effect<Bucket | undefined, Exit> => {
  if (text === undefined || !Address.isMeant(text)) return Effect.undefined
  const address = Address.parse(text)
  if ("mistake" in address) {
    return usage(
      `${address.mistake} (It was given ${given.blobs === undefined ? "in EFFECT_FLOW_BLOBS" : `with ${(given.named ?? ownFlags).blobs}`}.)`
    )
  }
  const cacheDirectory = given.cacheDirectory ?? (cli.environment.EFFECT_FLOW_CACHE_DIR || undefined)
  return Effect.succeed({ ...address, cacheDirectory })
}

/** The store selected by flags, else by the environment, else the nearest directory that has one. */
export const choose = Effect.fnUntraced(function* (cli: Cli, given: Given): Effect.fn.Return<Store, Exit> {
  const { environment } = cli
  const isGiven = given.directory !== undefined || given.database !== undefined
  const directory = isGiven ? given.directory : environment[StoreDirectory.variable] || undefined
  const url = isGiven ? given.database : environment.EFFECT_FLOW_DATABASE_URL || undefined
  if (directory !== undefined && url !== undefined) {
    return yield* isGiven
      ? ambiguousStore("--directory", "--database")
      : ambiguousStore(StoreDirectory.variable, "EFFECT_FLOW_DATABASE_URL")
  }
  if (directory === "") {
    const flag = (given.named ?? ownFlags).directory
    return yield* usage(`${flag} can't be empty. Name a directory: "." is the working directory.`)
  }
  if (directory !== undefined && Address.isMeant(directory)) {
    const named = given.named ?? ownFlags
    return yield* usage(
      `A bucket holds artifacts and no runs. Name the directory or the database of the runs with ${isGiven ? named.directory : StoreDirectory.variable}, and the bucket with ${named.blobs}.`
    )
  }
  const blobs = given.blobs ?? (environment.EFFECT_FLOW_BLOBS || undefined)
  const bucket = yield* bucketOf(cli, blobs, given)
  const blobFlags = [
    ...(given.blobs === undefined ? [] : ["--blobs", given.blobs]),
    ...(given.cacheDirectory === undefined ? [] : ["--cache-dir", given.cacheDirectory])
  ]
  if (url === undefined) {
    // A variable may be meant for other command lines, which name a database.
    const isMisplaced = given.blobs !== undefined || directory === undefined
    if (blobs !== undefined && bucket === undefined && isMisplaced) {
      const name = given.blobs === undefined ? "EFFECT_FLOW_BLOBS" : (given.named ?? ownFlags).blobs
      return yield* usage(
        `A store in a directory keeps its artifacts there, so ${name} can only name a bucket (s3://bucket/prefix). A directory of blobs belongs to a store in Postgres: name its database with --database, or in EFFECT_FLOW_DATABASE_URL.`
      )
    }
    const cwd = process.cwd()
    return {
      _tag: "Local",
      directory: given.directory ?? StoreDirectory.show(StoreDirectory.find(cwd, environment), cwd),
      bucket,
      flags: [
        ...(given.directory === undefined ? [] : ["--directory", given.directory]),
        ...(bucket === undefined ? [] : blobFlags)
      ]
    }
  }
  if (blobs === undefined || blobs === "") {
    return yield* usage(
      `A store in Postgres keeps large artifacts in a bucket, or in a directory that all its users share: name it with ${(given.named ?? ownFlags).blobs}, or in EFFECT_FLOW_BLOBS.`
    )
  }
  return {
    _tag: "Postgres",
    url: Redacted.make(url),
    blobs: bucket ?? blobs,
    flags: [...(given.database === undefined ? [] : ["--database", withoutPassword(url)]), ...blobFlags]
  }
})

const withoutPassword = (url: string): string => {
  if (!URL.canParse(url)) return "postgres://…"
  const shown = new URL(url)
  if (shown.password !== "") shown.password = "PASSWORD"
  return shown.href
}

/**
 * The store that an argument names: a directory, or the Postgres URL of a shared store. A bucket that the environment
 * names is not that of a directory: it belongs to the store that a command line works on.
 *
 * @param named The flags that name both, for messages.
 */
export const storeNamed = (
  cli: Cli,
  name: string,
  blobs: string | undefined,
  named: { readonly directory: string; readonly blobs: string }
): Effect.Effect<Store, Exit> =>
  /^postgres(ql)?:/.test(name)
    ? choose(cli, { directory: undefined, database: name, blobs, cacheDirectory: undefined, named })
    : choose(
        { ...cli, environment: { ...cli.environment, EFFECT_FLOW_BLOBS: undefined } },
        { directory: name, database: undefined, blobs, cacheDirectory: undefined, named }
      )

/** The layer of a store that need not exist yet. */
export const layerOf = (store: Store) => layer({ store }, {})

/** The store's layer, loaded only when a verb needs it, because help needs no database. */
const layer = ({ store }: Pick<Chosen, "store">, options: { readonly readOnly?: boolean; readonly sync?: boolean }) =>
  Effect.map(
    Effect.promise(() => import("../../Storage.ts")),
    (Storage) => {
      const bucket = store._tag === "Local" ? store.bucket : typeof store.blobs === "string" ? undefined : store.blobs
      if (bucket !== undefined) {
        const { key, ...place } = bucket
        const runs = store._tag === "Local" ? store.directory : store.url
        return Storage.layerS3({ ...place, prefix: key, runs, ...options })
      }
      return store._tag === "Local"
        ? Storage.layerLocal({ directory: store.directory, ...options })
        : Storage.layerPostgres({ url: store.url, blobs: store.blobs as string }) // there is no bucket
    }
  )

/**
 * Provides the store, and creates it if it does not exist. `sync` is that of `Storage.layerLocal`; Postgres always
 * syncs.
 */
export const withStore = <A, E, R>(
  chosen: Chosen,
  effect: Effect.Effect<A, E, R>,
  options: { readonly sync?: boolean } = {}
) => Effect.flatMap(layer(chosen, options), (layer) => Effect.provide(effect, layer))

/** Warnings, for example about a damaged record, go to stderr, because stdout is for the result. */
const warnings = (cli: Cli) =>
  Logger.make<unknown, void>(({ message }) =>
    say(cli, `Warning: ${Array.isArray(message) ? message.join(" ") : message}`)
  )

/** Said when a signal ends the process while the store does not answer. */
const unanswered = "The store did not answer within a second, so it was not waited for."

/** The same for a verb that changes a store: each change is made completely or not at all. */
export const unansweredChange = `${unanswered} A change that was sent to it may still be made. Run the same command again to do the rest.`

/** The same for a verb that was about to start a run. */
export const unansweredStart = `${unanswered} If a run was started, the verb \`runs\` lists it as crashed.`

/** Provides a store that must exist, opened read-only. */
export const withExistingStore = <A, E>(cli: Cli, chosen: Chosen, effect: Effect.Effect<A, E, Stores>) =>
  openExisting(cli, chosen, effect, true)

/** Provides a store that must exist, opened for writing. */
export const changingStore = <A, E>(cli: Cli, chosen: Chosen, effect: Effect.Effect<A, E, Stores>) =>
  openExisting(cli, chosen, effect, false)

const openExisting = <A, E>(cli: Cli, chosen: Chosen, effect: Effect.Effect<A, E, Stores>, readOnly: boolean) => {
  cli.state.leave ??= () => (readOnly ? unanswered : unansweredChange)
  return Effect.andThen(
    requireStore(cli, chosen),
    Effect.flatMap(layer(chosen, { readOnly }), (layer) => Effect.provide(effect, layer)).pipe(
      Effect.provideService(Logger.CurrentLoggers, new Set([warnings(cli)]))
    )
  )
}

/** Fails where the store does not exist. */
export const requireStore = (cli: Cli, chosen: Chosen): Effect.Effect<void, Exit> =>
  Effect.suspend(() => {
    const { store } = chosen
    if (store._tag === "Postgres" || !isMissing(join(store.directory, "runs.sqlite"))) return Effect.void
    return new Exit({
      code: exitCodes.failed,
      message: `There is no store in ${storeName(store)}. ${
        cli.subject === undefined
          ? "Select another directory with --directory."
          : `Run the flow first (${command(cli, chosen, "run")}), or select another directory with --directory.`
      }`
    })
  })

/** Whether a file certainly does not exist. A file that can't be inspected might exist. */
const isMissing = (path: string): boolean => {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined
  } catch (cause) {
    return codeOf(cause) === "ENOTDIR"
  }
}
