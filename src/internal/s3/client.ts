/**
 * The operations on a bucket that effect-flow needs, over the S3 API as AWS, R2, MinIO, Ceph and Google's XML API have it.
 * Keys are whole keys; what is stored under them, and why, is up to the caller.
 */
import * as Effect from "effect/Effect"
import type { Body, Incoming } from "./exchange.ts"
import { S3Error } from "./failure.ts"
import * as Lists from "./lists.ts"
import * as Request from "./request.ts"
import * as Xml from "./xml.ts"

/** What the server knows of an object. */
export interface Look {
  readonly size: number
  /** Changes whenever the object does. */
  readonly etag: string
  /** Where the bucket keeps versions. */
  readonly version: string | undefined
  /** The SHA-256 of the whole object in base64, if it was uploaded with one. */
  readonly sha256: string | undefined
}

/** The body of an object that is written in one request. */
export interface Content {
  readonly body: Body
  readonly size: number
  /** The SHA-256 in hexadecimal: the server refuses other bytes. */
  readonly digest: string
}

export interface Client extends Lists.Lists {
  readonly bucket: string
  /** The server, for messages. */
  readonly server: () => string
  /**
   * Writes an object.
   *
   * @param options.isNew Fails with `changed` if there is an object.
   * @returns The object's new etag.
   */
  readonly put: (
    key: string,
    content: Content,
    options: { readonly isNew: boolean; readonly mediaType?: string }
  ) => Effect.Effect<string, S3Error>
  readonly look: (key: string, version?: string) => Effect.Effect<Look, S3Error>
  /**
   * The bytes from `start` to before `end`, or fewer where the object is shorter, and the size of the whole object.
   *
   * @param options.etag Fails with `changed` if the object has another one.
   * @param options.into Yields the array for a body of a length, once for each attempt. Default: a new one.
   */
  readonly range: (
    key: string,
    start: number,
    end: number,
    options?: {
      readonly etag?: string | undefined
      readonly version?: string | undefined
      readonly into?: ((length: number) => Uint8Array) | undefined
    }
  ) => Effect.Effect<{ readonly bytes: Uint8Array; readonly size: number; readonly etag: string }, S3Error>
  /** Copies an object of up to 5 GB within the bucket. */
  readonly copy: (from: string, to: string) => Effect.Effect<void, S3Error>
  readonly beginUpload: (key: string) => Effect.Effect<string, S3Error>
  /** Sends a part; the first has the number 1. Yields its etag. */
  readonly putPart: (
    upload: Pick<Lists.Upload, "key" | "id">,
    part: number,
    content: Content
  ) => Effect.Effect<string, S3Error>
  readonly completeUpload: (
    upload: Pick<Lists.Upload, "key" | "id">,
    etags: ReadonlyArray<string>,
    options: { readonly isNew: boolean }
  ) => Effect.Effect<string, S3Error>
  readonly abortUpload: (upload: Pick<Lists.Upload, "key" | "id">) => Effect.Effect<void, S3Error>
  readonly close: () => void
}

export const make = (options: Request.Options): Client => {
  const { bucket } = options
  const requests = Request.make(options)
  const { close, send, server } = requests
  const xml = (request: Request.Request) => Effect.map(send(request), ({ body }) => new TextDecoder().decode(body))
  const unlike = (what: string): S3Error =>
    new S3Error({ kind: "refused", code: "Answer", reason: `${server()} ${what}, which no object storage does` })
  /** The etag of what was written. An answer without one comes from a proxy or a login page, and nothing was stored. */
  const written = (answer: Incoming): Effect.Effect<string, S3Error> =>
    etagOf(answer) === "" ? Effect.fail(unlike("answered a write without an etag")) : Effect.succeed(etagOf(answer))
  return {
    bucket,
    server,
    close,
    ...Lists.make(bucket, requests),
    put: (key, { body, digest, size }, { isNew, mediaType = "application/octet-stream" }) =>
      Effect.flatMap(
        send({
          method: "PUT",
          key,
          body,
          size,
          digest,
          headers: { "content-type": mediaType, ...(isNew ? { "if-none-match": "*" } : {}) },
          action: "s3:PutObject"
        }),
        written
      ),
    look: (key, version) =>
      Effect.flatMap(
        // The answer to HEAD has no body: what is wrong, other than that there is no object, a read of one byte tells.
        Effect.catchIf(
          send({
            method: "HEAD",
            key,
            query: versioned(version),
            headers: { "x-amz-checksum-mode": "ENABLED" },
            action: "s3:GetObject"
          }),
          (error: S3Error) => error.kind === "refused",
          () =>
            send({
              method: "GET",
              key,
              query: versioned(version),
              headers: { range: "bytes=0-0" },
              action: "s3:GetObject"
            })
        ),
        (answer) => {
          const size = Number(
            /\/(\d+)$/.exec(answer.headers["content-range"] ?? "")?.[1] ?? answer.headers["content-length"]
          )
          if (!Number.isSafeInteger(size)) return Effect.fail(unlike("does not say how large the object is"))
          return Effect.succeed({
            size,
            etag: etagOf(answer),
            version: answer.headers["x-amz-version-id"] === "null" ? undefined : answer.headers["x-amz-version-id"],
            // A composite checksum, of a multipart upload, is that of the parts' checksums: it ends in their number.
            sha256: /^[A-Za-z0-9+/]{43}=$/.test(answer.headers["x-amz-checksum-sha256"] ?? "")
              ? answer.headers["x-amz-checksum-sha256"]
              : undefined
          })
        }
      ),
    range: (key, start, end, { etag, into = newArray, version } = {}) =>
      Effect.catchIf(
        Effect.flatMap(
          send({
            method: "GET",
            key,
            query: versioned(version),
            answerBytes: end - start,
            into,
            headers: { range: `bytes=${start}-${end - 1}`, ...(etag ? { "if-match": etag } : {}) },
            action: "s3:GetObject"
          }),
          (answer) => {
            if (answer.status !== 206) return Effect.succeed(wholeOf(answer, start, end)) // ranges are not served
            const [, from, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(answer.headers["content-range"] ?? "") ?? []
            const size = Number(total)
            return Number(from) === start && answer.body.length === Math.min(end, size) - start
              ? Effect.succeed({ bytes: answer.body, size, etag: etagOf(answer) })
              : Effect.fail(unlike("sent another range than the one it was asked for"))
          }
        ),
        // There is nothing at `start`: the object is empty, or ends before.
        (error: S3Error) => error.status === 416,
        () => Effect.succeed({ bytes: new Uint8Array(0), size: start, etag: "" })
      ),
    copy: (from, to) =>
      Effect.asVoid(
        send({
          method: "PUT",
          key: to,
          headers: { "x-amz-copy-source": `/${bucket}/${from.split("/").map(encodeURIComponent).join("/")}` },
          action: "s3:PutObject"
        })
      ),
    beginUpload: (key) =>
      Effect.map(
        xml({
          method: "POST",
          key,
          query: { uploads: "" },
          headers: { "content-type": "application/octet-stream" },
          action: "s3:PutObject"
        }),
        (text) => Xml.text(text, "UploadId") ?? ""
      ),
    putPart: ({ id, key }, part, { body, digest, size }) =>
      Effect.flatMap(
        send({
          method: "PUT",
          key,
          query: { partNumber: String(part), uploadId: id },
          body,
          size,
          digest,
          action: "s3:PutObject"
        }),
        written
      ),
    completeUpload: ({ id, key }, etags, { isNew }) =>
      Effect.suspend(() => {
        const parts = etags
          .map((etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${Xml.escape(etag)}</ETag></Part>`)
          .join("")
        return Effect.map(
          xml({
            method: "POST",
            key,
            query: { uploadId: id },
            body: [new TextEncoder().encode(`<CompleteMultipartUpload>${parts}</CompleteMultipartUpload>`)],
            headers: { "content-type": "application/xml", ...(isNew ? { "if-none-match": "*" } : {}) },
            action: "s3:PutObject"
          }),
          (text) => Xml.text(text, "ETag") ?? ""
        )
      }),
    abortUpload: ({ id, key }) =>
      Effect.asVoid(send({ method: "DELETE", key, query: { uploadId: id }, action: "s3:AbortMultipartUpload" }))
  }
}

const versioned = (version: string | undefined): Readonly<Record<string, string>> =>
  version === undefined ? {} : { versionId: version }

/** A range of an answer that is the whole object. */
const wholeOf = (answer: Incoming, start: number, end: number) => ({
  bytes: answer.body.subarray(start, end),
  size: answer.body.length,
  etag: etagOf(answer)
})

const newArray = (length: number): Uint8Array => new Uint8Array(length)

const etagOf = ({ headers }: Incoming): string => headers.etag ?? ""
