/** Lists of objects and of uploads, in pages, and the removal of a page of objects. */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import { S3Error } from "./failure.ts"
import type { Request, Requests } from "./request.ts"
import * as Xml from "./xml.ts"

/** An object in a list. */
export interface Listed {
  readonly key: string
  readonly size: number
  readonly etag: string
  /** When it was written, in milliseconds since the epoch by the server's clock. */
  readonly modifiedAt: number
}

/** A multipart upload that was begun and neither completed nor aborted. */
export interface Upload {
  readonly key: string
  readonly id: string
  /** In milliseconds since the epoch by the server's clock. */
  readonly startedAt: number
}

/** A part of a list, and where the next begins. */
export interface Page<A> {
  readonly items: ReadonlyArray<A>
  readonly next: string | undefined
}

/** What a client does with pages. */
export interface Lists {
  /** Objects in the order of their keys, up to 1,000 at once. */
  readonly list: (prefix: string, after?: string, limit?: number) => Effect.Effect<Page<Listed>, S3Error>
  /**
   * Removes up to 1,000 objects with one request. Yields those that could not be removed, with the reason.
   *
   * @param until No attempt begins after this time, in milliseconds since the epoch.
   */
  readonly remove: (
    keys: ReadonlyArray<string>,
    until?: number
  ) => Effect.Effect<ReadonlyArray<{ readonly key: string; readonly reason: string }>, S3Error>
  readonly uploads: (prefix: string, after?: string) => Effect.Effect<Page<Upload>, S3Error>
}

/** How many objects one request lists or removes. */
export const pageSize = 1000

export const make = (bucket: string, { send, server }: Requests): Lists => {
  const xml = (request: Request) => Effect.map(send(request), ({ body }) => new TextDecoder().decode(body))
  /** An answer that is no such list, a login page for one, would be taken for an empty bucket. */
  const listOf = (element: string, request: Request) =>
    Effect.flatMap(xml(request), (text) =>
      text.includes(`<${element}`)
        ? Effect.succeed(text)
        : Effect.fail(
            new S3Error({
              kind: "refused",
              code: "Answer",
              reason: `${server()} answered a request for a list without one, which no object storage does`
            })
          )
    )
  return {
    list: (prefix, after, limit = pageSize) =>
      Effect.map(
        listOf("ListBucketResult", {
          method: "GET",
          key: "",
          query: {
            "list-type": "2",
            "max-keys": String(limit),
            prefix,
            ...(after === undefined ? {} : { "continuation-token": after })
          },
          action: "s3:ListBucket"
        }),
        (text) => ({
          items: Xml.all(text, "Contents").map((item) => ({
            key: Xml.text(item, "Key") ?? "",
            size: Number(Xml.text(item, "Size")),
            etag: Xml.text(item, "ETag") ?? "",
            modifiedAt: Date.parse(Xml.text(item, "LastModified") ?? "")
          })),
          next: Xml.text(text, "IsTruncated") === "true" ? Xml.text(text, "NextContinuationToken") : undefined
        })
      ),
    remove: (keys, until) =>
      Effect.suspend(() => {
        if (keys.length === 0) return Effect.succeed([])
        const objects = keys.map((key) => `<Object><Key>${Xml.escape(key)}</Key></Object>`).join("")
        const body = new TextEncoder().encode(
          `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${objects}<Quiet>true</Quiet></Delete>`
        )
        return Effect.map(
          xml({
            method: "POST",
            key: "",
            query: { delete: "" },
            body: [body],
            headers: {
              "content-type": "application/xml",
              "content-md5": createHash("md5").update(body).digest("base64")
            },
            until,
            action: "s3:DeleteObject"
          }),
          (text) =>
            Xml.all(text, "Error").flatMap((item) => {
              const code = Xml.text(item, "Code") ?? ""
              return code === "NoSuchKey" ? [] : [{ key: Xml.text(item, "Key") ?? "", reason: reasonOf(code, bucket) }]
            })
        )
      }),
    uploads: (prefix, after) =>
      Effect.map(
        listOf("ListMultipartUploadsResult", {
          method: "GET",
          key: "",
          query: {
            uploads: "",
            prefix,
            "max-uploads": String(pageSize),
            ...(after === undefined ? {} : markers(after))
          },
          action: "s3:ListBucketMultipartUploads"
        }),
        (text) => ({
          items: Xml.all(text, "Upload").map((item) => ({
            key: Xml.text(item, "Key") ?? "",
            id: Xml.text(item, "UploadId") ?? "",
            startedAt: Date.parse(Xml.text(item, "Initiated") ?? "")
          })),
          next:
            Xml.text(text, "IsTruncated") === "true"
              ? JSON.stringify([Xml.text(text, "NextKeyMarker") ?? "", Xml.text(text, "NextUploadIdMarker") ?? ""])
              : undefined
        })
      )
  }
}

const markers = (after: string): Readonly<Record<string, string>> => {
  const [key, id] = JSON.parse(after) as readonly [string, string] // written above
  return { "key-marker": key, "upload-id-marker": id }
}

const reasonOf = (code: string, bucket: string): string =>
  code === "AccessDenied" ? `the credentials do not allow s3:DeleteObject on the bucket "${bucket}" (${code})` : code
