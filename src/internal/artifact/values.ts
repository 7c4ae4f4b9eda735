/**
 * Values to stored artifacts and back: the one place where a codec meets a store, and where "an artifact is a value" is
 * kept. What a task yields is captured at once, so that no later change of it reaches the store. What a task receives is
 * decoded from the stored bytes: frozen where it can be shared, the receiver's own copy otherwise.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { ArtifactError, type ArtifactStore } from "../../ArtifactStore.ts"
import type { RefRecord } from "../../RunRecord.ts"
import { RunStore } from "../../RunStore.ts"
import * as Bytes from "../schema/bytes.ts"
import type { CodecError } from "../schema/codecError.ts"
import * as CodecIssue from "../schema/codecIssue.ts"
import { copy } from "../schema/copy.ts"
import * as Description from "../schema/description.ts"
import * as Digest from "../schema/digest.ts"
import type * as Artifact from "./artifact.ts"
import * as Extension from "./extension.ts"

type Store = ArtifactStore["Service"]

/** A stored value: its ref as data, and its bytes where they are to become durable together with a task's record. */
export interface Written {
  readonly record: RefRecord
  readonly blob: { readonly digest: string; readonly bytes: Uint8Array } | undefined
}

/** A number for each id of a sharing: a key is made for each value that is written or read, and a short one costs less. */
const sharingNumbers = new Map<string, number>()

const sharedKey = (digest: string, sharing: string): string => {
  const number = sharingNumbers.get(sharing) ?? sharingNumbers.size
  if (number === sharingNumbers.size) sharingNumbers.set(sharing, number)
  return `${digest} ${number}`
}

/** Copies a value before it returns, and gives the effect that encodes the copy: later changes of the value don't count. */
export const capture = <A>(
  artifact: Artifact.Artifact<A>,
  value: A
): Effect.Effect<Artifact.Captured<A>, CodecError> => {
  try {
    const captured =
      artifact.capture === undefined
        ? Effect.map(artifact.encode(copy(value) as A), toOwn) // of the same shape
        : artifact.capture(value)
    if (Exit.isExit(captured) && Exit.isSuccess(captured)) return captured
    return Effect.catchDefect(captured, (defect) => Effect.fail(CodecIssue.fromThrown(defect, value)))
  } catch (thrown) {
    return Effect.fail(CodecIssue.fromThrown(thrown, value))
  }
}

/** What an artifact of the user's own codec encoded, in bytes that it can't change any more. */
const toOwn = (encoded: Artifact.Encoded): Artifact.Captured<never> => ({
  encoded: isParts(encoded) ? [Bytes.concat(encoded)] : encoded
})

/**
 * Stores a captured value, or, where it is small enough, leaves its bytes to be stored with its task's record.
 *
 * @param label How messages call it: `train/3/model of run 01k…`.
 * @returns At once, for a small value that is encoded already: an effect for each value is what a task would pay most for.
 */
export const writeCaptured = <A>(
  store: Store,
  artifact: Artifact.Artifact<A>,
  captured: Effect.Effect<Artifact.Captured<A>, CodecError>,
  name: string,
  label: string,
  writer: string | undefined
): Effect.Effect<Written, ArtifactError> => {
  if (Exit.isExit(captured) && Exit.isSuccess(captured)) {
    const { decoded, encoded, parts } = captured.value as Artifact.Captured<A> // an effect that is an exit has its type
    if (parts === undefined && isParts(encoded)) {
      const size = Bytes.sizeOf(encoded)
      if (size <= store.inlineLimit) {
        const blob = toBlob(encoded, size)
        remember(store, artifact, blob.digest, encoded, decoded)
        const record: RefRecord = {
          name,
          digest: blob.digest,
          size,
          format: artifact.format,
          mediaType: artifact.mediaType,
          schema: artifact.description().digest,
          ...(writer === undefined ? undefined : { writer })
        }
        return Exit.succeed({ record, blob })
      }
    }
  }
  return writeLater(store, artifact, captured, name, label, writer)
}

const toBlob = (encoded: ReadonlyArray<Uint8Array>, size: number): NonNullable<Written["blob"]> => {
  const bytes = encoded.length === 1 ? (encoded[0] as Uint8Array) : Bytes.concat(encoded, size) // its length was looked at
  return { digest: Digest.ofChunks([bytes]), bytes }
}

/** Keeps a value that was just written in memory, for the tasks that receive it. */
const remember = <A>(
  store: Store,
  artifact: Artifact.Artifact<A>,
  digest: string,
  encoded: ReadonlyArray<Uint8Array>,
  decoded: { readonly value: A } | undefined
): void => {
  const sharing = artifact.sharing?.()
  if (sharing !== undefined && decoded !== undefined)
    store.values.set(sharedKey(digest, sharing.id), decoded.value, sharing.memory(decoded.value))
  else store.values.setBytes?.(digest, encoded)
}

const writeLater = Effect.fnUntraced(function* <A>(
  store: Store,
  artifact: Artifact.Artifact<A>,
  captured: Effect.Effect<Artifact.Captured<A>, CodecError>,
  name: string,
  label: string,
  writer: string | undefined
) {
  const { decoded, encoded, parts } = yield* Effect.mapError(captured, invalid(label))
  if (parts !== undefined) yield* checkParts(store, label, parts)
  const description = artifact.description()
  let address: { readonly digest: string; readonly size: number }
  let blob: Written["blob"]
  if (!isParts(encoded)) {
    address = yield* putFile(store, label, encoded)
  } else {
    const size = Bytes.sizeOf(encoded)
    if (size <= store.inlineLimit) {
      blob = toBlob(encoded, size)
      address = { digest: blob.digest, size }
    } else {
      address = yield* store.put(encoded)
    }
    remember(store, artifact, address.digest, encoded, decoded)
  }
  const extension =
    isParts(encoded) || (encoded.remove !== undefined && encoded.name === undefined)
      ? ""
      : Extension.ofPath(encoded.name ?? encoded.path)
  const record: RefRecord = {
    name,
    digest: address.digest,
    size: address.size,
    format: artifact.format,
    mediaType: artifact.mediaType,
    ...(extension === "" ? undefined : { extension }),
    schema: description.digest,
    ...(parts === undefined || parts.length === 0 ? undefined : { parts }),
    ...(writer === undefined ? undefined : { writer })
  }
  return { record, blob } satisfies Written
})

const invalid =
  (label: string) =>
  (failure: CodecError): ArtifactError => {
    const error = CodecIssue.asCodecError(failure)
    return new ArtifactError({
      reason: "invalid",
      artifact: label,
      message: `${label} breaks its schema${at(error.path)}: ${error.message}`
    })
  }

/** Stores a file, which is fetched first if its bytes are elsewhere and the store does not have them. */
const putFile = Effect.fnUntraced(function* (
  store: Store,
  label: string,
  { address, fetch, path, remove = Effect.void, source }: Artifact.EncodedFile
) {
  const { sources } = store
  const earlier =
    address ??
    // Without this memory, the bytes are fetched once more.
    (source === undefined || sources === undefined
      ? undefined
      : yield* Effect.orElseSucceed(sources.find(source), () => undefined))
  if (earlier !== undefined && (yield* store.touch([earlier])).has(earlier.digest)) return earlier
  const stored = yield* Effect.ensuring(
    Effect.andThen(fetch === undefined ? Effect.void : Effect.mapError(fetch, invalid(label)), store.putFile(path)),
    remove
  )
  if (address === undefined && source !== undefined && sources !== undefined)
    yield* Effect.ignore(sources.keep(source, stored))
  return stored
})

/** That the artifacts that a value refers to are there. Their age starts anew: from now on a task's record keeps them. */
const checkParts = Effect.fnUntraced(function* (
  store: Store,
  label: string,
  parts: ReadonlyArray<Artifact.PartAddress>
) {
  const intact = yield* store.touch(parts)
  const lost = parts.findIndex(({ digest }) => !intact.has(digest))
  if (lost < 0) return
  const digest = (parts[lost] as Artifact.PartAddress).digest // just found
  return yield* new ArtifactError({
    reason: "missing",
    artifact: label,
    digest,
    message: `${label} refers to part ${lost + 1} of ${parts.length} (artifact ${digest}), which is not in this run's store, or is damaged there. Write the dataset in this store.`
  })
})

const isParts = (encoded: Artifact.Encoded): encoded is ReadonlyArray<Uint8Array> => Array.isArray(encoded)

const at = (path: ReadonlyArray<PropertyKey> | undefined) =>
  path === undefined || path.length === 0 ? "" : ` at ${path.map(String).join(".")}`

/** The value of a ref, as its receiver may have it, if it is in memory. */
export const fromMemory = <A>(
  store: Store,
  artifact: Artifact.Artifact<A>,
  record: RefRecord
): { readonly value: A } | undefined => {
  const sharing = artifact.sharing?.()
  if (sharing === undefined) return undefined
  const shared = store.values.get(sharedKey(record.digest, sharing.id))
  return shared === undefined ? undefined : { value: sharing.receive(shared.value as A) } // kept under this sharing's id
}

/** The value of a ref, as its receiver may have it: from memory where that is possible, else read, verified and decoded. */
export const read = <A>(
  store: Store,
  artifact: Artifact.Artifact<A>,
  record: RefRecord,
  via?: string
): Effect.Effect<A, ArtifactError> =>
  Effect.suspend(() => {
    const cached = fromMemory(store, artifact, record)
    if (cached !== undefined) return Effect.succeed(cached.value)
    const sharing = artifact.sharing?.()
    const key = sharing === undefined ? undefined : sharedKey(record.digest, sharing.id)
    const bytes = Effect.suspend(() => {
      const kept = store.values.takeBytes?.(record.digest)
      return kept === undefined ? Effect.map(store.get(record.digest), Bytes.whole) : Effect.succeed(kept)
    })
    const origin = { name: record.name, writer: record.writer, via }
    return Effect.matchCauseEffect(artifact.decode({ bytes, path: pathOf(store, record), size: record.size, origin }), {
      onFailure: (cause) => explain(artifact, record, cause),
      onSuccess: (value) => {
        if (sharing === undefined || key === undefined) return Effect.succeed(value)
        const memory = sharing.memory(value)
        if (memory === Number.POSITIVE_INFINITY) return Effect.succeed(value)
        store.values.set(key, value, memory)
        return Effect.succeed(sharing.receive(value))
      }
    })
  })

/** A local file with a stored artifact's bytes, whose name ends in its extension. */
export const pathOf = (store: Store, record: RefRecord): Effect.Effect<string, ArtifactError> =>
  Effect.mapError(store.path(record.digest, Extension.of(record)), (error) => named(error, record))

/** Why a value could not be read, as a typed error: of the store, or of the codec, one that throws included. */
const explain = (
  artifact: Artifact.Any,
  record: RefRecord,
  cause: Cause.Cause<CodecError | ArtifactError>
): Effect.Effect<never, ArtifactError> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause as Cause.Cause<never>) // it holds no failure
  const failure = cause.reasons.find(Cause.isFailReason)
  if (failure?.error instanceof ArtifactError) return Effect.fail(named(failure.error, record))
  const error = CodecIssue.asCodecError(failure?.error ?? cause.reasons.find(Cause.isDieReason)?.defect)
  return Effect.flatMap(unreadable(artifact, record, error), Effect.fail)
}

/** How messages call a stored artifact. */
export const labelOf = (record: RefRecord): string =>
  record.writer === undefined ? `"${record.name}"` : `${record.writer}/${record.name}`

const named = (error: ArtifactError, record: RefRecord) =>
  error.artifact === undefined
    ? new ArtifactError({ ...error, artifact: labelOf(record), message: `${labelOf(record)}: ${error.message}` })
    : error

/** Why bytes do not decode: where they were written under another schema, both sides' difference. */
const unreadable = Effect.fnUntraced(function* (artifact: Artifact.Any, record: RefRecord, error: CodecError) {
  const label = labelOf(record)
  const reading = artifact.description()
  const detail = `${error.message}${at(error.path)}`
  if (reading.digest === record.schema) {
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
  const difference = stored === undefined ? "" : ` ${Description.difference(stored, reading.text)}`
  return new ArtifactError({
    reason: "mismatch",
    artifact: label,
    digest: record.digest,
    message: `${label} was stored under another schema than it is read with: ${detail}.${difference}`
  })
})
