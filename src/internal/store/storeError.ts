/** What the run store fails with; `RunStore.StoreError` is this class. It has a file of its own because stores import it. */
import * as Schema from "effect/Schema"

/** The run database could not be opened, read or written; the message says what failed, why, and what to do. */
export class StoreError extends Schema.TaggedError<StoreError>()("StoreError", {
  message: Schema.String,
  /** `lost`: the write was refused because another driver holds the run. */
  reason: Schema.optionalKey(Schema.Literals(["lost"])),
  /** The run whose record is damaged, if that is the reason. */
  run: Schema.optionalKey(Schema.String),
  cause: Schema.optionalKey(Schema.Defect())
}) {}
