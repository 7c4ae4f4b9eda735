/**
 * Opens a run database in Postgres, which several machines may share, with the blob files in a directory that they
 * share too, or in a bucket. The driver is effect's own. The URL has a password in it: it is in no message and no log.
 */
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { SqlError } from "effect/sql/SqlError"
import { ArtifactStore } from "../../../ArtifactStore.ts"
import { RunStore, StoreError } from "../../../RunStore.ts"
import * as FileStore from "../files/store.ts"
import { reasonOf } from "../obstacle.ts"
import { driver } from "../postgresDriver.ts"
import * as Away from "./away.ts"
import * as Identity from "./identity.ts"
import * as SqlStorage from "./storage.ts"
import * as WriteNow from "./writeNow.ts"

export interface Options {
  readonly url: Redacted.Redacted
  /** The directory of the blob files, or how to open another place for large artifacts. */
  readonly blobs: string | SqlStorage.OpenBlobs
  readonly valueBytes: number
}

export const layer = (options: Options): Layer.Layer<ArtifactStore | RunStore, StoreError> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const where = yield* target(options.url)
      const PgClient = yield* driver
      const { blobs } = options
      if (typeof blobs === "string") yield* directory(blobs)
      const stores = yield* SqlStorage.make({
        client: PgClient.make({ url: options.url, ...(where.isNamed ? {} : { applicationName: "effect-flow" }) }),
        name: `The run database ${where.database} on ${where.host}`,
        explain: explain(where),
        isAway: Away.isAway,
        isAbsent: Away.isAbsent,
        prepare: () => Effect.void,
        facts: Identity.ofPostgres,
        writeNow: () => WriteNow.toPostgres(() => Redacted.value(options.url)),
        blobs:
          typeof blobs === "string"
            ? () =>
                Effect.sync(() =>
                  FileStore.make({
                    directory: blobs,
                    isShared: true,
                    hint: ` on ${Os.hostname()}. Is this directory shared with the host that wrote it?`
                  })
                )
            : blobs,
        valueBytes: options.valueBytes
      })
      return Context.make(ArtifactStore, stores.artifacts).pipe(Context.add(RunStore, stores.runs))
    })
  )

/** Opens the database to write records, with no place for large artifacts. */
export const recordsOnly = (url: string): Layer.Layer<ArtifactStore | RunStore, StoreError> =>
  layer({
    url: Redacted.make(url),
    valueBytes: 0,
    blobs: () => Effect.sync(() => FileStore.make({ directory: Os.tmpdir(), hint: ".", readOnly: true }))
  })

interface Target {
  readonly user: string
  readonly host: string
  readonly database: string
  /** Whether the URL gives the connection a name. */
  readonly isNamed: boolean
}

/** The parts of the URL that may be shown. */
const target = (url: Redacted.Redacted): Effect.Effect<Target, StoreError> =>
  Effect.suspend(() => {
    const parsed = URL.parse(Redacted.value(url))
    if (parsed === null || !["postgres:", "postgresql:"].includes(parsed.protocol)) {
      return Effect.fail(
        new StoreError({
          message:
            "The URL of the run database is not a Postgres URL: write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE."
        })
      )
    }
    const decoded = Result.try(() =>
      [parsed.username, parsed.password, parsed.pathname.slice(1)].map(decodeURIComponent)
    )
    if (Result.isFailure(decoded)) {
      return Effect.fail(
        new StoreError({
          message:
            "The URL of the run database has a % that stands for no character: write a % in a name or a password as %25."
        })
      )
    }
    const [named = "", , database = ""] = decoded.success
    const user = named || process.env.USER || process.env.USERNAME
    if (user === undefined) {
      return Effect.fail(
        new StoreError({
          message:
            "The URL of the run database names no user, and the variable USER is not set: write it as postgres://USER@HOST/DATABASE."
        })
      )
    }
    return Effect.succeed({
      user,
      host: parsed.host === "" ? "localhost" : parsed.host,
      database: database || user,
      isNamed: parsed.searchParams.has("application_name")
    })
  })

const directory = (path: string): Effect.Effect<void, StoreError> =>
  Effect.tryPromise({
    try: async () => {
      await Fs.mkdir(path, { recursive: true })
      await Fs.access(path, Fs.constants.W_OK)
    },
    catch: (cause) =>
      new StoreError({
        message: `The directory ${Path.resolve(path)} for large artifacts can't be written: ${reasonOf(cause)}. Choose another directory, or make this one writable.`
      })
  })

const explain =
  ({ database, host, user }: Target) =>
  (error: SqlError): string | undefined => {
    switch (Away.codeOf(error)) {
      case "28P01":
      case "28000":
        return `user ${user} was refused. Look at the password, and at what pg_hba.conf allows`
      case "3D000":
        return `there is no database ${database}. Create it first (createdb ${database})`
      case "42501":
        return `user ${user} may not create or write its tables. Grant the user CREATE on the schema`
      case "42P07":
        return `another program has a table there by a name that effect-flow needs (${messageOf(error)}). Create a schema for effect-flow (CREATE SCHEMA flow), and name it in the URL: ?options=-csearch_path%3Dflow`
      case "25006":
        return "it takes no writes. Is it a standby, or in the middle of a failover?"
      case "53300":
        return "it has no connection left"
      case "53100":
        return "no space is left on its disk"
      case "57P01":
      case "57P02":
      case "57P03":
        return "it is shutting down or starting"
      case "ECONNREFUSED":
        return `nothing listens on ${host}. Is Postgres running there?`
      case "ENOTFOUND":
      case "EAI_AGAIN":
        return `there is no host ${host}`
      case "ETIMEDOUT":
      case "EHOSTUNREACH":
      case "ENETUNREACH":
        return `${host} does not answer`
      default: {
        const wrong = Away.misconfigured(error)
        return wrong === undefined ? messageOf(error) : `its URL can't be used: ${wrong}`
      }
    }
  }

const messageOf = ({ reason: { cause } }: SqlError): string | undefined =>
  cause instanceof Error && cause.message !== "" ? cause.message : undefined
