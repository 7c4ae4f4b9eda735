/** The type of schemas whose values can be stored. */
import type * as Schema from "effect/Schema"

/** A schema that needs no services, so that its values can be stored from anywhere. */
export type StorableSchema = Schema.Top & { readonly DecodingServices: never; readonly EncodingServices: never }
