/**
 * Opens a SQLite run database with its blob files, for reading and writing or for reading only. Where that fails, the
 * error says why, and nothing is changed.
 */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Reactivity from "effect/reactivity/Reactivity"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { ArtifactStore } from "../../../ArtifactStore.ts"
import { RunStore, StoreError } from "../../../RunStore.ts"
import { codeOf, messageOf } from "../../cause.ts"
import { makeWritable } from "../files/directories.ts"
import * as FileStore from "../files/store.ts"
import * as Obstacle from "../obstacle.ts"
import { temporaryDirectory } from "../temporaryFiles.ts"
import * as Identity from "./identity.ts"
import * as Migrations from "./migrations.ts"
import * as Queue from "./queue.ts"
import * as Reserve from "./reserve.ts"
import * as SqliteClient from "./sqliteClient.ts"
import * as SqlStorage from "./storage.ts"
import * as WriteNow from "./writeNow.ts"

export interface Options {
  /** A path, or `:memory:`. */
  readonly filename: string
  /** The directory of the blob files, or how to open another place for large artifacts. */
  readonly blobs: string | SqlStorage.OpenBlobs
  readonly valueBytes: number
  /** Whether the last transactions survive a power cut too, and not just the end of the process. */
  readonly sync: boolean
  /** Opens for reading only: nothing in the directory changes. Default: false. */
  readonly readOnly?: boolean
}

/** How long a reader waits for a lock. A reader meets one only for moments, while a database is opened or closed. */
const readingLimitMs = 300

export const layer = (options: Options): Layer.Layer<ArtifactStore | RunStore, StoreError> =>
  Layer.effectContext(
    Effect.map(options.readOnly === true ? reading(options) : writing(options), ({ artifacts, runs }) =>
      Context.make(ArtifactStore, artifacts).pipe(Context.add(RunStore, runs))
    )
  )

const nameOf = ({ filename }: Options): string =>
  filename === ":memory:" ? "The run database in memory" : `The run database ${filename}`

const writing = Effect.fnUntraced(function* (options: Options) {
  const { blobs, filename, sync, valueBytes } = options
  const inMemory = filename === ":memory:"
  if (typeof blobs === "string") yield* directory(Path.resolve(blobs))
  if (!inMemory) {
    yield* directory(Path.dirname(Path.resolve(filename)))
    yield* sharedFile(Path.resolve(filename))
  }
  const clock = Clock.Clock.defaultValue()
  const reserve = Reserve.of(Path.resolve(filename))
  let isOpen = false
  // Registered before the database, so that it runs after the database is closed.
  if (!inMemory) yield* Effect.addFinalizer(() => Effect.sync(() => (isOpen ? reserve.make() : undefined)))
  const open = SqlStorage.make({
    client: SqliteClient.make({ filename, disableWAL: true }),
    name: nameOf(options),
    explain: explain(Path.resolve(filename)),
    prepare: Effect.fnUntraced(function* (version) {
      const sql = yield* SqlClient.SqlClient
      // Both settings are kept in the file. The first must precede all tables; it lets the file shrink.
      if (version === 0) {
        yield* sql.unsafe("PRAGMA auto_vacuum = INCREMENTAL")
        yield* sql.unsafe("PRAGMA journal_mode = WAL")
      }
      yield* sql.unsafe(`PRAGMA synchronous = ${sync ? "FULL" : "NORMAL"}`)
      yield* sql.unsafe("PRAGMA wal_autocheckpoint = 8000")
      yield* settings(filename)
    }),
    blobs: openBlobs(blobs),
    valueBytes,
    direct: SqliteClient.directOf,
    writeNow: (sql) => {
      const direct = SqliteClient.directOf(sql)
      return direct === undefined ? undefined : WriteNow.toSqlite(direct.database)
    },
    ...(inMemory
      ? {}
      : {
          facts: Identity.ofFile(Path.resolve(filename)),
          whyLost: whyLost([Path.resolve(filename), ...(typeof blobs === "string" ? [Path.resolve(blobs)] : [])]),
          queue: Queue.make(Path.resolve(filename), () => clock.currentTimeMillisUnsafe()),
          release: () => Obstacle.isFull(filename) && reserve.release()
        })
  })
  const stores = yield* inMemory ? open : withReserve(open, filename, reserve)
  isOpen = true
  // Now, because the first process that uses the store may be the one that fills the disk, or be killed.
  if (!inMemory) reserve.make()
  return stores
})

/** Opens a store on a full disk: SQLite's own files take a little of the reserve. */
const withReserve = <A, R>(
  open: Effect.Effect<A, StoreError, R>,
  filename: string,
  reserve: Reserve.Reserve
): Effect.Effect<A, StoreError, R> =>
  Effect.catch(open, (error) =>
    Obstacle.isFull(filename) && reserve.release()
      ? Effect.tap(open, () => Effect.sync(reserve.take)) // what is left of it is for garbage collection
      : Effect.fail(error)
  )

const reading = Effect.fnUntraced(function* (options: Options) {
  const { blobs, filename, valueBytes } = options
  const name = nameOf(options)
  return yield* SqlStorage.make({
    client: SqliteClient.make({ filename: Path.resolve(filename), readonly: true }),
    name,
    explain: explain(Path.resolve(filename)),
    prepare: () => settings(filename),
    direct: SqliteClient.directOf,
    blobs: openBlobs(blobs, true),
    valueBytes,
    limitMs: readingLimitMs,
    older: upgraded(options)
  })
})

const openBlobs = (blobs: Options["blobs"], readOnly = false): SqlStorage.OpenBlobs =>
  typeof blobs === "string" ? () => Effect.sync(() => FileStore.make({ directory: blobs, hint: ".", readOnly })) : blobs

/** Of a database's size, the part that its pages may take in memory, and how much that is at least and at most (kB). */
const cachedPart = 1 / 16
const [leastCached, mostCached] = [2_000, 32_000]

/** Settings of this connection alone. A large database, as that of a long run that is resumed, gets more memory. */
const settings = (filename: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const cached = Math.min(
      mostCached,
      Math.max(leastCached, Math.ceil((Obstacle.sizeOf(filename) / 1024) * cachedPart))
    )
    yield* sql.unsafe("PRAGMA temp_store = MEMORY")
    yield* sql.unsafe(`PRAGMA cache_size = -${cached}`)
  })

/**
 * A client for a reader of an older database: the same one, once it is migrated in place, or, where this process may
 * not write to it, a migrated copy.
 */
const upgraded =
  ({ filename }: Options) =>
  (old: SqlClient.SqlClient): Effect.Effect<SqlClient.SqlClient, SqlError, Scope.Scope | Reactivity.Reactivity> => {
    const migrated = (path: string) =>
      Effect.tap(SqliteClient.make({ filename: path, disableWAL: true }), (sql) =>
        Effect.provideService(
          Migrations.run("BEGIN IMMEDIATE", Migrations.all, readingLimitMs),
          SqlClient.SqlClient,
          sql
        )
      )
    const inPlace = Effect.as(Effect.scoped(migrated(filename)), old)
    const copied = Effect.gen(function* () {
      const directory = yield* Effect.acquireRelease(
        Effect.sync(() => temporaryDirectory()),
        (path) => Effect.promise(() => Fs.rm(path, { recursive: true, force: true }))
      )
      const copy = Path.join(directory, "runs.sqlite")
      yield* old.unsafe("VACUUM INTO ?", [copy])
      return yield* migrated(copy)
    })
    return Effect.catch(inPlace, () => copied)
  }

/**
 * Why a write to these paths is lost, if it is: one of them is no longer the file or directory that was opened. A file that can't be
 * seen any more is still written to.
 */
const whyLost = (paths: ReadonlyArray<string>): (() => string | undefined) => {
  const first = new Map<string, string>()
  return () => {
    for (const path of paths) {
      const stat = Obstacle.statOf(path)
      if (stat === "hidden") continue
      const current = stat === undefined ? undefined : `${stat.dev}/${stat.ino}`
      const opened = first.get(path)
      if (opened === undefined && current !== undefined) first.set(path, current)
      else if (current === undefined || current !== opened)
        return (
          `${path} ${current === undefined ? "is gone: it was deleted, moved or unmounted" : "was replaced by another one"} ` +
          "while the store was in use. What was written since is lost; run the flow again"
        )
    }
    return undefined
  }
}

/** Makes a directory and those above it, unless they exist, and syncs their names. */
const directory = (path: string): Effect.Effect<void, StoreError> =>
  Effect.tryPromise({
    try: () => makeWritable(path),
    catch: (cause) =>
      new StoreError({
        message: `The store directory ${path} can't be written: ${Obstacle.reasonOf(cause)}. Choose another directory, or make this one writable.`
      })
  })

/**
 * Creates the database's file. In a directory that its group may write to, the group may write to the file as well,
 * whatever this process's umask is; SQLite gives the files beside it the same mode.
 */
const sharedFile = (path: string): Effect.Effect<void> =>
  Effect.ignore(
    Effect.tryPromise(async () => {
      const { mode } = await Fs.stat(Path.dirname(path))
      if (process.platform === "win32" || (mode & 0o020) === 0) return
      await (await Fs.open(path, "wx", 0o664)).close()
      await Fs.chmod(path, 0o664)
    })
  )

const isDirectory = (path: string): boolean => {
  const stat = Obstacle.statOf(path)
  return stat !== undefined && stat !== "hidden" && stat.isDirectory()
}

const directoryInPlace = "it is a directory, not a file"
const gone = "it is gone: it was removed, or has another name now"
const unopened = "it can't be opened. Check its permissions and those of its directory"

/** SQLite's result codes in words. */
const explain =
  (filename: string) =>
  (error: SqlError): string | undefined => {
    const { cause } = error.reason
    const code = (cause as { readonly errcode?: number } | undefined)?.errcode // what `node:sqlite` throws
    const obstacle = () => Obstacle.ofDirectory(Path.dirname(filename))
    switch (code === undefined ? undefined : code & 0xff) {
      case undefined:
        return codeOf(cause) === "" ? undefined : Obstacle.reasonOf(cause)
      case 1: {
        const message = messageOf(cause)
        // When it was opened, it had all tables.
        return message.startsWith("no such table:")
          ? `another file took its place, which is not a run database of this version (${message})`
          : undefined
      }
      case 5:
      case 6:
        return "another process keeps it locked. Look for a process that hangs, or try again later"
      case 8:
        return "it is read-only for this user. Check its permissions and those of its directory"
      case 10: // also at the directory's first page, if one took the place of a database that was open
        return isDirectory(filename) ? directoryInPlace : (obstacle() ?? "the disk reports an error")
      case 11:
        return "it is damaged (the database disk image is malformed). Nothing in it was changed; restore it from a copy, or move it away to start anew"
      case 13:
        return obstacle() ?? "no space is left on the disk. Free some, or remove old runs with gc"
      case 14:
        if (isDirectory(filename)) return directoryInPlace
        return obstacle() ?? (Obstacle.statOf(filename) === undefined ? gone : unopened)
      case 26:
        return "it is not a run database, or it is damaged. Nothing in it was changed; restore it from a copy, or move it away to start anew"
      default:
        return undefined
    }
  }
