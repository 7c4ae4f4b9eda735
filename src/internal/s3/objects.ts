/**
 * Objects that users name, `s3://bucket/key`: data that a step reads where it lies. Credentials, region and server are
 * those of the environment, or of the address (`address.ts`).
 */
import * as Fs from "node:fs/promises"
import * as Effect from "effect/Effect"
import { reasonOf } from "../cause.ts"
import * as Address from "./address.ts"
import * as Client from "./client.ts"
import * as Download from "./download.ts"
import { S3Error } from "./failure.ts"

/** An object as it was when it was opened. Reading it fails if it was replaced since. */
export interface Opened {
  readonly size: number
  /** Says which contents these are: the server, the object, its size, and the bucket's version of it or the etag, if there is one. */
  readonly source: string | undefined
  /** The SHA-256 of its bytes in hexadecimal, if it was uploaded with one. */
  readonly sha256: string | undefined
  /** Its bytes from `start` to before `end`. */
  readonly read: (start: number, end: number) => Effect.Effect<Uint8Array, S3Error>
  /** Writes it to a file, and yields the SHA-256 of what came, in hexadecimal. */
  readonly download: (path: string) => Effect.Effect<string, S3Error>
}

/** One client for each bucket and server, whose connections and credentials serve all objects. */
const clients = new Map<string, Client.Client>()

const clientOf = ({ key: _, ...place }: Address.Address): Client.Client => {
  const name = JSON.stringify(place)
  const open = clients.get(name)
  if (open !== undefined) return open
  const client = Client.make(place)
  clients.set(name, client)
  return client
}

const parse = (text: string): Effect.Effect<Address.Address, S3Error> => {
  const address = Address.parse(text)
  return "mistake" in address
    ? Effect.fail(new S3Error({ kind: "refused", code: "Address", reason: Address.asReason(address.mistake) }))
    : Effect.succeed(address)
}

/** Opens an object. */
export const open = Effect.fnUntraced(function* (text: string): Effect.fn.Return<Opened, S3Error> {
  const address = yield* parse(text)
  const { key } = address
  if (key === "") {
    const reason = `${Address.show(address)} is a bucket. Name an object in it, or a pattern that objects fit`
    return yield* new S3Error({ kind: "refused", code: "Address", reason })
  }
  const client = clientOf(address)
  const look = yield* Effect.catchIf(
    client.look(key),
    (error) => error.kind === "missing",
    // The answer to HEAD does not say whether there is no object or no bucket.
    () => Effect.andThen(client.range(key, 0, 1), client.look(key))
  )
  const { etag, size, version } = look
  const checked = <A>(effect: Effect.Effect<A, S3Error>): Effect.Effect<A, S3Error> =>
    Effect.mapError(effect, (error) =>
      error.kind === "changed" ? new S3Error({ ...error, reason: "the object was replaced while it was read" }) : error
    )
  return {
    size,
    source:
      (version ?? etag) === "" ? undefined : `${client.server()} ${address.bucket}/${key} ${size} ${version ?? etag}`,
    sha256: look.sha256 === undefined ? undefined : Buffer.from(look.sha256, "base64").toString("hex"),
    read: (start, end) => checked(Download.part(client, key, { start, end: Math.min(end, size), etag, version })),
    download: (path) => {
      const failed = (cause: unknown): S3Error =>
        new S3Error({ kind: "refused", code: "File", reason: `the file ${path} can't be written: ${reasonOf(cause)}` })
      return checked(
        Effect.acquireUseRelease(
          Effect.tryPromise({ try: () => Fs.open(path, "w"), catch: failed }),
          (file) =>
            Effect.flatMap(Download.toFile(client, key, file, { version, failed }), (read) =>
              read.size === size && (read.etag === etag || size === 0)
                ? Effect.succeed(read.digest)
                : Effect.fail(Download.replaced)
            ),
          (file) => Effect.promise(() => file.close())
        )
      )
    }
  }
})

/** The objects of a bucket whose keys begin as an address does, as addresses in the order of their keys. */
export const list = Effect.fnUntraced(function* (text: string): Effect.fn.Return<ReadonlyArray<string>, S3Error> {
  const address = yield* parse(text)
  const client = clientOf(address)
  const query = /\?\w+=.*/s.exec(text)?.[0] ?? ""
  const addresses: Array<string> = []
  let after: string | undefined
  do {
    const page = yield* client.list(address.key, after)
    // A key that ends in a slash is a folder that a console shows: an object without contents.
    for (const { key } of page.items) if (!key.endsWith("/")) addresses.push(`s3://${address.bucket}/${key}${query}`)
    after = page.next
  } while (after !== undefined)
  return addresses
})
