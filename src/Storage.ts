/**
 * Layers for both stores at once, `RunStore` and `ArtifactStore`: in memory for a unit test, in a directory for one
 * machine, in Postgres for several, with large artifacts in a shared directory or in a bucket. A program names its
 * storage once, as a layer; nothing else in it changes.
 */
import * as Path from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { ArtifactStore, type Location } from "./ArtifactStore.ts"
import { defaultLimitBytes } from "./internal/artifact/valueCache.ts"
import * as Checked from "./internal/checked.ts"
import * as Address from "./internal/s3/address.ts"
import { type BucketLocation, inlineLimit } from "./internal/store/artifactStore.ts"
import * as StoreDirectory from "./internal/store/directory.ts"
import * as LayerOptions from "./internal/store/layerOptions.ts"
import * as MemoryArtifactStore from "./internal/store/memoryArtifactStore.ts"
import * as MemoryRunStore from "./internal/store/memoryRunStore.ts"
import { RunStore, StoreError } from "./RunStore.ts"

/**
 * A store in memory. It is empty at the start of each program that it is provided to.
 *
 * @example
 * ```ts
 * const tested = Flow.run(SquareFlow, {}).pipe(Effect.provide(Storage.layerMemory))
 * ```
 */
export const layerMemory: Layer.Layer<ArtifactStore | RunStore> = Layer.effectContext(
  Effect.gen(function* () {
    const memory = MemoryArtifactStore.make({ inlineLimit, valueBytes: defaultLimitBytes() })
    yield* Effect.addFinalizer(() => memory.close)
    return Context.make(ArtifactStore, memory.store).pipe(Context.add(RunStore, MemoryRunStore.make(memory.inline)))
  })
).pipe((layer) => withScope(layer, (stores) => stores))

/** The options of `layerLocal`. */
export interface LocalOptions {
  /**
   * The directory of the store; it is created if it does not exist. Default: what `EFFECT_FLOW_DIRECTORY` names; else
   * `.effect-flow` in the working directory or its nearest parent that has one; else `.effect-flow` beside the nearest
   * package.json.
   */
  readonly directory?: string
  /** How many bytes of memory remembered values may take in this process. Default: 1 GiB, or a quarter of the heap if that is less. */
  readonly valueBytes?: number
  /** Whether each transaction is synced to the disk, so that a power cut loses nothing. Default: false. */
  readonly sync?: boolean
  /**
   * Opens an existing store for reading only. This works on a full disk, on a read-only medium, in another user's directory, and
   * beside a process that holds the database's lock. Writing fails. Default: false.
   */
  readonly readOnly?: boolean
}

/**
 * A store in a directory: one SQLite database with the runs and the small artifacts, and a file for each large
 * artifact. Any number of processes of one machine may use it at once. If the directory is writable for its group, all
 * users of the group can share the store.
 *
 * After a power cut, the store is in a state that it had before: a record is never kept without the artifacts it refers to.
 * Without `sync`, the last transactions may be missing. With it, everything that `Flow.run` has returned is there.
 *
 * @param options See `LocalOptions`.
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Run, Storage } from "effect-flow"
 *
 * const runs = Run.list({}).pipe(Effect.provide(Storage.layerLocal({ directory: "/shared/store", readOnly: true })))
 * ```
 */
export const layerLocal = (options: LocalOptions = {}): Layer.Layer<ArtifactStore | RunStore, StoreError> => {
  const mistake = LayerOptions.mistakeIn("Storage.layerLocal", options, '{ directory: "runs" }', {})
  if (mistake !== undefined) return refused(mistake)
  const directory = options.directory ?? StoreDirectory.find(process.cwd())
  if (typeof directory !== "string") return refused("The option `directory` of Storage.layerLocal is not a string.")
  if (directory === "") {
    // As a path it would be the working directory; it is rather a variable that is not set.
    const message = `The directory of a store can't be empty. Name one ("." is the working directory), or leave it out for the nearest ${StoreDirectory.name}.`
    return refused(message)
  }
  if (Address.isMeant(directory)) {
    const message = `${directory} is not a directory: a bucket holds artifacts and no runs. Open it with Storage.layerS3, whose option \`runs\` names the directory or the database of the runs.`
    return refused(message)
  }
  const sync = options.sync ?? false
  const valueBytes = Checked.wholeNumber("`valueBytes` of Storage.layerLocal", options.valueBytes, 0)
  // Loaded when the layer is built: a program that only shows its help needs no database.
  return Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("./internal/store/sql/sqlite.ts")),
      (SqliteStorage) =>
        SqliteStorage.layer({
          filename: Path.join(directory, "runs.sqlite"),
          blobs: Path.resolve(directory, "blobs"), // a step may change the working directory
          valueBytes: valueBytes ?? defaultLimitBytes(),
          sync,
          readOnly: options.readOnly ?? false
        })
    )
  ).pipe(located({ kind: "local", directory: Path.resolve(directory), sync }))
}

/** The options of `layerPostgres`. */
export interface PostgresOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. The password appears in no message and no log. */
  readonly url: string | Redacted.Redacted
  /** The directory for large artifacts, which all machines must see under this path. */
  readonly blobs: string
  /** How many bytes of memory remembered values may take in this process. Default: 1 GiB, or a quarter of the heap if that is less. */
  readonly valueBytes?: number
}

/**
 * A store that several machines share: runs and small artifacts in a Postgres database, and a file for each large
 * artifact in a directory that all of them see under this path. The driver is loaded when the layer is built.
 *
 * @param options See `PostgresOptions`.
 *
 * @example
 * ```ts
 * const shared = Storage.layerPostgres({ url: "postgres://me@host/runs", blobs: "/shared/blobs" })
 * ```
 */
export const layerPostgres = (options: PostgresOptions): Layer.Layer<ArtifactStore | RunStore, StoreError> => {
  const example = '{ url: "postgres://USER@HOST/DATABASE", blobs: "/shared/blobs" }'
  const mistake = LayerOptions.mistakeIn("Storage.layerPostgres", options, example, { url: "secret", blobs: "text" })
  if (mistake !== undefined) return refused(mistake)
  const url = typeof options.url === "string" ? Redacted.make(options.url) : options.url
  if (Address.isMeant(options.blobs)) {
    const message = "The large artifacts of this store are in a bucket: open it with Storage.layerS3."
    return refused(message)
  }
  const blobs = Path.resolve(options.blobs)
  const valueBytes = Checked.wholeNumber("`valueBytes` of Storage.layerPostgres", options.valueBytes, 0)
  return Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("./internal/store/sql/postgres.ts")),
      (PostgresStorage) => PostgresStorage.layer({ url, blobs, valueBytes: valueBytes ?? defaultLimitBytes() })
    )
  ).pipe(located({ kind: "postgres", url, blobs }))
}

/** The options of `layerS3`. */
export interface S3Options {
  /** The name of the bucket. It is not created. */
  readonly bucket: string
  /** What the keys of all objects begin with, such as `team/flows`. Different databases need different prefixes. Default: none. */
  readonly prefix?: string | undefined
  /** Default: `AWS_REGION`, the profile's, or the one that the server names. */
  readonly region?: string | undefined
  /** The URL of a server other than AWS. Default: `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`. */
  readonly endpoint?: string | undefined
  /** Whether the bucket's name is a part of the path, not of the host name. Default: true with an endpoint. */
  readonly forcePathStyle?: boolean | undefined
  /**
   * Default: as AWS's tools find them (environment, profile, SSO, web identity, container, instance), renewed before they
   * expire. They appear in no message, no log and no store.
   */
  readonly credentials?: S3Credentials | (() => Promise<S3Credentials>) | undefined
  /** Where the runs are: a Postgres URL, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, or a directory. */
  readonly runs: string | Redacted.Redacted
  /**
   * A directory of this machine that keeps artifacts which were read, so that each is fetched once. Processes may share it.
   * Default: only files that a step asks for by path are kept, until the process ends.
   */
  readonly cacheDirectory?: string | undefined
  /** How many bytes the cache directory may take. Default: 10 GB. */
  readonly cacheBytes?: number | undefined
  /** How many bytes of memory remembered values may take in this process. Default: 1 GiB, or a quarter of the heap if that is less. */
  readonly valueBytes?: number | undefined
  /** As for `layerLocal`, if the runs are in a directory. Default: false. */
  readonly sync?: boolean | undefined
  /** Writes nothing, and asks the bucket only when a large artifact is read. Default: false. */
  readonly readOnly?: boolean | undefined
}

/**
 * A store whose large artifacts are objects in a bucket: of AWS, or of any other server that speaks the S3 API, such as
 * R2, MinIO, Ceph or Google Cloud Storage. Runs and small artifacts are in Postgres, so that machines share nothing but
 * a bucket and a database, or in a directory.
 *
 * Needs the packages `@smithy/signature-v4` and `@aws-sdk/credential-provider-node`, which are loaded when the layer is
 * built. Building it fails with `StoreError` if the bucket can't be used, with a sentence that says why.
 *
 * @param options See `S3Options`.
 *
 * @example
 * ```ts
 * import { Storage } from "effect-flow"
 *
 * const shared = Storage.layerS3({ bucket: "acme-flows", prefix: "nlp", runs: "postgres://me@host/runs" })
 * const minio = Storage.layerS3({ bucket: "flows", endpoint: "http://localhost:9000", runs: ".effect-flow" })
 * ```
 */
export const layerS3 = (options: S3Options): Layer.Layer<ArtifactStore | RunStore, StoreError> => {
  const example = '{ bucket: "acme-flows", runs: "postgres://USER@HOST/DATABASE" }'
  const flaw = LayerOptions.mistakeIn("Storage.layerS3", options, example, {
    bucket: "text",
    runs: "secret",
    endpoint: "optional",
    region: "optional",
    cacheDirectory: "optional"
  })
  if (flaw !== undefined) return refused(flaw)
  const { bucket, readOnly = false, sync = false } = options
  const cacheBytes = Checked.wholeNumber("`cacheBytes` of Storage.layerS3", options.cacheBytes, 0)
  const mistake =
    Address.bucketMistake(bucket) ??
    Address.prefixMistake(options.prefix ?? "") ??
    (options.endpoint === undefined ? undefined : Address.endpointMistake(options.endpoint))
  if (mistake !== undefined) return refused(mistake)
  const runs = typeof options.runs === "string" ? options.runs : Redacted.value(options.runs)
  const location: BucketLocation = {
    kind: "s3",
    bucket,
    prefix: Address.prefixOf(options.prefix ?? ""),
    region: options.region,
    endpoint: options.endpoint,
    forcePathStyle: options.forcePathStyle,
    credentials: hidden(options.credentials),
    cache: {
      directory: options.cacheDirectory === undefined ? undefined : Path.resolve(options.cacheDirectory),
      limitBytes: cacheBytes ?? defaultCacheBytes
    },
    runs: isDatabaseUrl(runs)
      ? { kind: "postgres", url: Redacted.make(runs) }
      : { kind: "local", directory: Path.resolve(runs), sync }
  }
  const valueBytes =
    Checked.wholeNumber("`valueBytes` of Storage.layerS3", options.valueBytes, 0) ?? defaultLimitBytes()
  return Layer.unwrap(
    Effect.promise(async () => {
      const { open } = await import("./internal/store/s3/open.ts")
      const blobs = open(location, readOnly)
      if (location.runs.kind === "postgres")
        return (await import("./internal/store/sql/postgres.ts")).layer({ url: location.runs.url, blobs, valueBytes })
      const filename = Path.join(location.runs.directory, "runs.sqlite")
      return (await import("./internal/store/sql/sqlite.ts")).layer({ filename, blobs, valueBytes, sync, readOnly })
    })
  ).pipe(located(location))
}

/** The layer of a store that can't be opened, for a reason in a sentence. */
const refused = (message: string): Layer.Layer<ArtifactStore | RunStore, StoreError> =>
  Layer.effectContext(Effect.fail(new StoreError({ message })))

/** Credentials for object storage. */
export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string | Redacted.Redacted
  /** For temporary credentials. */
  readonly sessionToken?: string | Redacted.Redacted | undefined
  /** When they expire. A function that yields credentials is asked again shortly before. */
  readonly expiration?: Date | undefined
}

const defaultCacheBytes = 10_000_000_000

const isDatabaseUrl = (text: string): boolean => /^postgres(ql)?:/i.test(text)

/** Credentials that no inspection of a store shows. */
const hidden = (credentials: S3Credentials | (() => Promise<S3Credentials>) | undefined) =>
  credentials === undefined || typeof credentials === "function"
    ? credentials
    : {
        ...credentials,
        secretAccessKey: redacted(credentials.secretAccessKey),
        sessionToken: credentials.sessionToken === undefined ? undefined : redacted(credentials.sessionToken)
      }

const redacted = (value: string | Redacted.Redacted): Redacted.Redacted =>
  typeof value === "string" ? Redacted.make(value) : value

/** Adds the scope in which started runs live: it closes before the store does. */
function withScope<E, R>(
  layer: Layer.Layer<ArtifactStore | RunStore, E, R>,
  change: (stores: Context.Context<ArtifactStore | RunStore>) => Context.Context<ArtifactStore | RunStore>
): Layer.Layer<ArtifactStore | RunStore, E, R> {
  return Layer.flatMap(layer, (stores) =>
    Layer.effectContext(
      Effect.map(Effect.scope, (scope) =>
        Context.add(change(stores), RunStore, { ...Context.get(stores, RunStore), scope })
      )
    )
  )
}

/** Adds where the store is, for the threads and processes that open it too. */
const located =
  (location: Location) =>
  <E, R>(layer: Layer.Layer<ArtifactStore | RunStore, E, R>): Layer.Layer<ArtifactStore | RunStore, E, R> =>
    withScope(layer, (stores) =>
      Context.add(stores, ArtifactStore, { ...Context.get(stores, ArtifactStore), location })
    )
