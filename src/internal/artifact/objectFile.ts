/**
 * A file artifact that is given as an object in a bucket. What it is stored as depends on its contents alone: on its
 * checksum if it has one, else on the digest of what is downloaded, which the store remembers for each version of the object.
 */
import { randomUUID } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import * as Address from "../s3/address.ts"
import type { S3Error } from "../s3/failure.ts"
import * as Objects from "../s3/objects.ts"
import { CodecError } from "../schema/codecError.ts"
import type { EncodedFile } from "./artifact.ts"

export const encode = Effect.fnUntraced(function* (text: string): Effect.fn.Return<EncodedFile, CodecError> {
  const failed = (error: S3Error): CodecError =>
    new CodecError({ message: `${shown(text)} can't be read: ${error.reason}` })
  const object = yield* Effect.mapError(Objects.open(text), failed)
  const path = Path.join(Os.tmpdir(), `effect-flow-${randomUUID()}`)
  return {
    path,
    name: nameOf(text),
    ...(object.source === undefined ? {} : { source: object.source }),
    ...(object.sha256 === undefined ? {} : { address: { digest: object.sha256, size: object.size } }),
    fetch: Effect.gen(function* () {
      const digest = yield* Effect.mapError(object.download(path), failed)
      if (object.sha256 !== undefined && digest !== object.sha256)
        return yield* new CodecError({ message: `${shown(text)} arrived altered: its bytes do not have its checksum` })
    }),
    remove: Effect.promise(() => Fs.rm(path, { force: true }))
  }
})

const nameOf = (text: string): string => {
  const address = Address.parse(text)
  return "mistake" in address ? "" : address.key
}

/** An address without a password that someone put into it. */
const shown = (text: string): string => {
  const address = Address.parse(text)
  return "mistake" in address ? "The object" : Address.show(address)
}
