/** The error of every codec, whatever its format. */
import * as Data from "effect/Data"

/**
 * A value could not be encoded, or bytes could not be decoded. `path` leads to the place in the value, if it is known:
 * `["columns", "labels", 3]`.
 */
export class CodecError extends Data.TaggedError("CodecError")<{
  readonly message: string
  readonly path?: ReadonlyArray<PropertyKey>
}> {}
