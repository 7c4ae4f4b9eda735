/** Encodes errors as JSON and back: a step's errors with its `error` schema, effect-flow's own errors with theirs. */
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { ArtifactError } from "../../ArtifactStore.ts"
import { ExecutorError, TaskTimeout, WorkerDied } from "../../Executor.ts"
import { FlowError, ParameterError } from "../../FlowError.ts"
import { StoreError } from "../../RunStore.ts"
import { TagError } from "../../Tags.ts"

/** The errors that every task may fail with, whatever its step declares. */
export const Own = Schema.Union([
  ArtifactError,
  StoreError,
  TagError,
  FlowError,
  ParameterError,
  ExecutorError,
  WorkerDied,
  TaskTimeout
])
export type Own = typeof Own.Type

/** Whether an error is one of effect-flow's own. */
export const isOwn = (error: unknown): error is Own => {
  try {
    return matchesOwn(error)
  } catch {
    return false // a user's error whose properties throw
  }
}

const matchesOwn = Schema.is(Own)

const codecs = new WeakMap<Schema.Top, Schema.Codec<unknown, Schema.Json>>()

/** The JSON codec of an error schema, made once per schema. */
export const codecOf = (schema: Schema.Top): Schema.Codec<unknown, Schema.Json> => {
  let codec = codecs.get(schema)
  if (codec === undefined) {
    codec = Schema.toCodecJson(schema as Schema.Codec<unknown, unknown>) // error schemas need no services
    codecs.set(schema, codec)
  }
  return codec
}

/** An error as JSON by its schema. Never throws: a codec that does, or an error that can't be read, is the exit's defect. */
export const encode = (schema: Schema.Top, error: unknown): Exit.Exit<Schema.Json, unknown> => {
  try {
    return Schema.encodeUnknownExit(codecOf(schema))(error)
  } catch (thrown) {
    return Exit.die(thrown)
  }
}

/** One of effect-flow's own errors as JSON. */
export const encodeOwn = (error: Own): Schema.Json => Schema.encodeUnknownSync(codecOf(Own))(error)
