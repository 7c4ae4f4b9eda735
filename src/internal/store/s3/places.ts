/**
 * Where the artifacts of a store lie in a bucket: under a prefix, each by its digest, `ab/abcdef…`. A directory of blobs
 * has the same layout, so one can be copied to the other with any tool.
 */
import * as Address from "../../s3/address.ts"
import type { Client } from "../../s3/client.ts"

export interface Places {
  /** Ends in a slash, or is empty. */
  readonly prefix: string
  readonly keyOf: (digest: string) => string
  /** A key as messages show it: `s3://bucket/prefix/ab/abcdef…`. */
  readonly show: (key: string) => string
  /** The key in a text that `show` made. */
  readonly keyIn: (shown: string) => string
  /** What the name of an object says; undefined for objects that are no artifacts. */
  readonly digestIn: (key: string) => { readonly digest: string; readonly isRight: boolean } | undefined
}

export const make = ({ bucket }: Pick<Client, "bucket">, prefix: string): Places => {
  const keyOf = (digest: string): string => `${prefix}${digest.slice(0, 2)}/${digest}`
  return {
    prefix,
    keyOf,
    show: (key) => Address.show({ bucket, key }),
    keyIn: (shown) => shown.slice(`s3://${bucket}/`.length),
    digestIn: (key) => {
      const digest = /^[^/]+\/([0-9a-f]{64})$/.exec(key.slice(prefix.length))?.[1]
      return digest === undefined ? undefined : { digest, isRight: key === keyOf(digest) }
    }
  }
}

export const isDigest = (digest: string): boolean => /^[0-9a-f]{64}$/.test(digest)
