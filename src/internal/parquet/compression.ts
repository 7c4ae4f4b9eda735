/**
 * Compression of Parquet's pages. Node's own zlib does Zstandard, gzip and Brotli, in native code and off the main
 * thread where it pays; hyparquet-compressors does the rest.
 */
import { promisify } from "node:util"
import {
  brotliDecompressSync,
  constants,
  gunzipSync,
  gzip,
  zstdCompress,
  zstdCompressSync,
  zstdDecompressSync
} from "node:zlib"
import * as Effect from "effect/Effect"
import type { CompressionCodec, Compressors } from "hyparquet"
import { compressors } from "hyparquet-compressors"
import { snappyCompress } from "hyparquet-writer/src/snappy.js"

/** How a file's pages are compressed. */
export type Compression = "zstd" | "snappy" | "gzip" | "none"

/** By the format's name. */
export const codecs: { readonly [C in Compression]: CompressionCodec } = {
  zstd: "ZSTD",
  snappy: "SNAPPY",
  gzip: "GZIP",
  none: "UNCOMPRESSED"
}

/** What reads pages. */
export const decompressors: Compressors = {
  ...compressors,
  ZSTD: (input, outputLength) => zstdDecompressSync(input, { chunkSize: chunkSize(outputLength) }),
  GZIP: (input, outputLength) => gunzipSync(input, { chunkSize: chunkSize(outputLength) }),
  BROTLI: (input, outputLength) => brotliDecompressSync(input, { chunkSize: chunkSize(outputLength) })
}

/** Room for the whole output at once, and for zlib to see that it ends there. */
const chunkSize = (outputLength: number) => Math.max(64, outputLength + 1)

// The fastest level: on texts a third of their size, and twice as fast as the default.
const zstdOptions = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

/** Below this a hop to another thread costs more than it saves. */
const asideBytes = 1 << 15

const zstdAside = promisify(zstdCompress)
const gzipAside = promisify(gzip)

/** A page, compressed. */
export const compress = (compression: Compression, bytes: Uint8Array): Effect.Effect<Uint8Array> => {
  switch (compression) {
    case "zstd":
      return bytes.length < asideBytes
        ? Effect.sync(() => zstdCompressSync(bytes, zstdOptions))
        : Effect.promise(() => zstdAside(bytes, zstdOptions))
    case "gzip":
      return Effect.promise(() => gzipAside(bytes))
    case "snappy":
      return Effect.sync(() => snappyCompress(bytes))
    case "none":
      return Effect.succeed(bytes)
  }
}
