/**
 * What the name of an artifact's local file ends in. Many tools decide by the extension what a file is, so a file keeps
 * the extension that it was stored with, and every other artifact gets the one that its format or media type is known
 * by.
 */
import * as Path from "node:path"
import type { RefRecord } from "../../RunRecord.ts"

/** An extension has a dot and up to 32 letters, digits, `_` and `-`; a compressed file has two of them. */
const pattern = /^(\.[\p{L}\p{N}_-]{1,32}){1,2}$/u

/** An extension as part of a file's name, with its dot; empty where there is none, or it could not be one. */
export const normalized = (extension: string | undefined): string => {
  if (extension === undefined || extension === "") return ""
  const dotted = extension.startsWith(".") ? extension : `.${extension}`
  return pattern.test(dotted) ? dotted : ""
}

const compressions: ReadonlySet<string> = new Set([".gz", ".bz2", ".xz", ".zst", ".br", ".lz4", ".z"])

/** The extension of a file: `.jpg`, and `.csv.gz` for one that is compressed. Empty where it has none. */
export const ofPath = (path: string): string => {
  const last = Path.extname(path)
  const before = compressions.has(last.toLowerCase()) ? Path.extname(Path.basename(path, last)) : ""
  return normalized(before + last) || normalized(last)
}

const byFormat: Readonly<Record<string, string>> = {
  dataset: ".json",
  json: ".json",
  table: ".parquet",
  tensors: ".safetensors"
}

/** The extensions that media types are known by: those of the IANA registry that data and reports come in. */
const byMediaType: Readonly<Record<string, string>> = {
  "application/gzip": ".gz",
  "application/json": ".json",
  "application/pdf": ".pdf",
  "application/vnd.apache.arrow.file": ".arrow",
  "application/vnd.apache.parquet": ".parquet",
  "application/x-ndjson": ".ndjson",
  "application/xml": ".xml",
  "application/yaml": ".yaml",
  "application/zip": ".zip",
  "audio/mpeg": ".mp3",
  "audio/wav": ".wav",
  "image/avif": ".avif",
  "image/gif": ".gif",
  "image/jpeg": ".jpg",
  "image/png": ".png",
  "image/svg+xml": ".svg",
  "image/tiff": ".tiff",
  "image/webp": ".webp",
  "text/csv": ".csv",
  "text/html": ".html",
  "text/markdown": ".md",
  "text/plain": ".txt",
  "text/tab-separated-values": ".tsv",
  "video/mp4": ".mp4",
  "video/webm": ".webm"
}

/** What the local file of an artifact ends in; empty where nothing is known of it. */
export const of = (record: Pick<RefRecord, "extension" | "format" | "mediaType">): string =>
  normalized(record.extension) || byFormat[record.format] || byMediaType[mediaTypeOf(record)] || ""

/** A media type without parameters such as `; charset=utf-8`, in small letters. */
export const mediaTypeOf = ({ mediaType }: Pick<RefRecord, "mediaType">): string =>
  (mediaType.split(";", 1)[0] ?? "").trim().toLowerCase()
