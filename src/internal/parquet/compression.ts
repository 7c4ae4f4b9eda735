/**
 * Compression of Parquet's pages. Node's own zlib does Zstandard, gzip and Brotli, in native code and off the main
 * thread where it pays; Snappy is WebAssembly (hysnappy). A page never inflates beyond the size that it claims.
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
import type { CompressionCodec } from "hyparquet"
import { snappyCompress } from "hyparquet-writer/src/snappy.js"
import { snappyUncompressor } from "hysnappy"
import { codeOf } from "../cause.ts"
import * as Lz4 from "./lz4.ts"

/** How a file's pages are compressed. */
export type Compression = "zstd" | "snappy" | "gzip" | "none"

/** By the format's name. */
export const codecs: { readonly [C in Compression]: CompressionCodec } = {
  zstd: "ZSTD",
  snappy: "SNAPPY",
  gzip: "GZIP",
  none: "UNCOMPRESSED"
}

/** Decompresses a page of one codec to exactly as many bytes as the page claims. */
type Decompress = (input: Uint8Array, outputLength: number) => Uint8Array

/** How much a codec can inflate a byte, where it has a limit that is worth checking before memory is reserved. */
const maxRatio: { readonly [C in CompressionCodec]?: number } = { UNCOMPRESSED: 1, SNAPPY: 64, LZ4: 256, LZ4_RAW: 256 }

/** Made when the first file needs it, because that compiles WebAssembly. */
let uncompressSnappy: Decompress | undefined

const decompressors: { readonly [C in CompressionCodec]?: Decompress } = {
  UNCOMPRESSED: (input) => input,
  SNAPPY: (input, outputLength) => {
    uncompressSnappy ??= snappyUncompressor()
    return uncompressSnappy(input, outputLength)
  },
  ZSTD: (input, outputLength) => zstdDecompressSync(input, bounded(outputLength)),
  GZIP: (input, outputLength) => gunzipSync(input, bounded(outputLength)),
  BROTLI: (input, outputLength) => brotliDecompressSync(input, bounded(outputLength)),
  LZ4: Lz4.decompress,
  LZ4_RAW: Lz4.decompressRaw
}

/** Room for the whole output at once and for zlib to see that it ends there, and a stop where a page claims too little. */
const bounded = (outputLength: number) => ({
  chunkSize: Math.min(Math.max(64, outputLength + 1), maxRoomBytes),
  maxOutputLength: Math.max(1, outputLength)
})

/** Larger pages grow in steps, so that what a page claims does not reserve memory before it is there. */
const maxRoomBytes = 1 << 24

/** A page, decompressed. Throws where it is not what it claims to be. */
export const decompress = (codec: CompressionCodec, input: Uint8Array, outputLength: number): Uint8Array => {
  const run = decompressors[codec]
  if (run === undefined) throw new Unsupported(`its codec ${codec} is not supported`)
  if (outputLength === 0 && input.length === 0) return input
  if (outputLength > (maxRatio[codec] ?? Number.POSITIVE_INFINITY) * (input.length + 16)) {
    throw new Error(`a page of ${input.length} bytes claims to hold ${outputLength}`)
  }
  const page = inflate(run, input, outputLength)
  if (page.length !== outputLength) throw new Error(`a page holds ${page.length} bytes and claims ${outputLength}`)
  return page
}

const inflate = (run: Decompress, input: Uint8Array, outputLength: number): Uint8Array => {
  try {
    return run(input, outputLength)
  } catch (cause) {
    if (codeOf(cause) === "ERR_BUFFER_TOO_LARGE")
      throw new Error(`a page holds more than the ${outputLength} bytes it claims`)
    throw cause
  }
}

/** Thrown for what the format allows and this reader does not read. */
export class Unsupported extends Error {}

// The fastest level: on texts a third of their size, and twice as fast as the default.
const zstdOptions = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

/** Below this a hop to another thread costs more than it saves. */
const asideBytes = 1 << 15

const zstdAside = promisify(zstdCompress)
const gzipAside = promisify(gzip)

/**
 * Compresses with room for half of the bytes, which most pages fit: for each piece of output, the other thread waits for
 * this one, and pieces are small where no size is asked for. A small page does not keep the room of a big one.
 */
const zstdInOneGo = async (bytes: Uint8Array): Promise<Uint8Array> => {
  const room = bytes.length >> 1
  const compressed = await zstdAside(bytes, { ...zstdOptions, chunkSize: room })
  return compressed.length < room / 2 ? Buffer.from(compressed) : compressed
}

/** A page, compressed. */
export const compress = (compression: Compression, bytes: Uint8Array): Effect.Effect<Uint8Array> => {
  switch (compression) {
    case "zstd":
      return bytes.length < asideBytes
        ? Effect.sync(() => zstdCompressSync(bytes, zstdOptions))
        : Effect.promise(() => zstdInOneGo(bytes))
    case "gzip":
      return Effect.promise(() => gzipAside(bytes))
    case "snappy":
      return Effect.sync(() => snappyCompress(bytes))
    case "none":
      return Effect.succeed(bytes)
  }
}
