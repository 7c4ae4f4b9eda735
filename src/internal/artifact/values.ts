/**
 * Values to stored artifacts and back: the one place where a codec meets a store. A value that was just written or read
 * is kept decoded, so that a hand-over between two tasks of one process reads nothing back.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Artifact from "../../Artifact.ts"
import { ArtifactError, type ArtifactStore } from "../../ArtifactStore.ts"
import type { RefRecord } from "../../RunRecord.ts"
import { RunStore } from "../../RunStore.ts"
import * as Description from "../schema/description.ts"
import * as Digest from "../schema/digest.ts"

type Store = ArtifactStore["Service"]

/** A stored value: its ref as data, and its bytes where they are to become durable together with a task's record. */
export interface Written {
  readonly record: RefRecord
  readonly blob: { readonly digest: string; readonly bytes: Uint8Array } | undefined
}

const cacheKey = (digest: string, schema: string) => `${digest} ${schema}`

/**
 * Stores a value, or, where it is small enough, leaves its bytes to be stored with its task's record.
 *
 * @param label How messages call it: `train/3/model of run 01k…`.
 */
export const write = Effect.fnUntraced(function* <A>(
  store: Store,
  artifact: Artifact.Artifact<A>,
  value: A,
  name: string,
  label: string,
  writer: string | undefined
) {
  const encoded = yield* Effect.mapError(
    artifact.encode(value),
    (error) =>
      new ArtifactError({
        reason: "invalid",
        artifact: label,
        message: `${label} breaks its schema${at(error.path)}: ${error.message}`
      })
  )
  const description = artifact.description()
  let address: { readonly digest: string; readonly size: number }
  let blob: Written["blob"]
  if (!isParts(encoded)) {
    address = yield* store.putFile(encoded.path)
  } else {
    let size = 0
    for (const part of encoded) size += part.byteLength
    if (size <= store.inlineLimit) {
      const bytes = encoded.length === 1 ? (encoded[0] as Uint8Array) : Buffer.concat(encoded) // its length was looked at
      address = { digest: Digest.ofChunks([bytes]), size }
      blob = { digest: address.digest, bytes }
    } else {
      address = yield* store.put(encoded)
    }
    store.values.set(cacheKey(address.digest, description.digest), value, size)
  }
  const record: RefRecord = {
    name,
    digest: address.digest,
    size: address.size,
    format: artifact.format,
    mediaType: artifact.mediaType,
    schema: description.digest,
    ...(writer === undefined ? undefined : { writer })
  }
  return { record, blob } satisfies Written
})

const isParts = (encoded: Artifact.Encoded): encoded is ReadonlyArray<Uint8Array> => Array.isArray(encoded)

const at = (path: ReadonlyArray<PropertyKey> | undefined) =>
  path === undefined || path.length === 0 ? "" : ` at ${path.map(String).join(".")}`

/** The value of a ref: the one in memory where it still is, else read, verified and decoded. */
export const read = <A>(
  store: Store,
  artifact: Artifact.Artifact<A>,
  record: RefRecord
): Effect.Effect<A, ArtifactError> =>
  Effect.suspend(() => {
    const key = cacheKey(record.digest, artifact.description().digest)
    const cached = store.values.get(key)
    if (cached !== undefined) return Effect.succeed(cached.value as A) // kept under this schema's digest
    return artifact.decode({ bytes: store.get(record.digest), path: store.path(record.digest) }).pipe(
      Effect.catch((error) =>
        error._tag === "CodecError"
          ? Effect.flatMap(unreadable(artifact, record, error), Effect.fail)
          : Effect.fail(named(error, record))
      ),
      Effect.tap((value) => {
        if (record.format !== "file") store.values.set(key, value, record.size)
        return Effect.void
      })
    )
  })

/** How messages call a stored artifact. */
export const labelOf = (record: RefRecord): string =>
  record.writer === undefined ? `"${record.name}"` : `${record.writer}/${record.name}`

const named = (error: ArtifactError, record: RefRecord) =>
  error.artifact === undefined
    ? new ArtifactError({ ...error, artifact: labelOf(record), message: `${labelOf(record)}: ${error.message}` })
    : error

/** Why bytes do not decode: where they were written under another schema, both sides' difference. */
const unreadable = Effect.fnUntraced(function* (artifact: Artifact.Any, record: RefRecord, error: Artifact.CodecError) {
  const label = labelOf(record)
  const there = artifact.description()
  const detail = `${error.message}${at(error.path)}`
  if (there.digest === record.schema) {
    return new ArtifactError({
      reason: "invalid",
      artifact: label,
      digest: record.digest,
      message: `${label} can't be read: ${detail}`
    })
  }
  const runs = yield* Effect.serviceOption(RunStore)
  const stored = Option.isNone(runs)
    ? undefined
    : yield* Effect.orElseSucceed(runs.value.schema(record.schema), () => undefined)
  const difference = stored === undefined ? "" : ` ${Description.difference(stored, there.text)}`
  return new ArtifactError({
    reason: "mismatch",
    artifact: label,
    digest: record.digest,
    message: `${label} was stored under another schema than it is read with: ${detail}.${difference}`
  })
})
