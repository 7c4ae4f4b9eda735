/**
 * LZ4 decompression that never reads or writes beyond its buffers, and fails unless it fills the output.
 *
 * The block format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md. Parquet's older codec `LZ4` is that of
 * Hadoop, which puts blocks in frames of two big-endian lengths; some writers left the frames out.
 */

/** A page of the codec `LZ4_RAW`. */
export const decompressRaw = (input: Uint8Array, outputLength: number): Uint8Array => {
  const output = new Uint8Array(outputLength)
  if (block(input, output, 0) !== outputLength) throw new Error("an LZ4 page is shorter than it claims")
  return output
}

/** A page of the codec `LZ4`, in frames or without. */
export const decompress = (input: Uint8Array, outputLength: number): Uint8Array =>
  frames(input, outputLength) ?? decompressRaw(input, outputLength)

const frames = (input: Uint8Array, outputLength: number): Uint8Array | undefined => {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  const output = new Uint8Array(outputLength)
  let at = 0
  let filled = 0
  while (at < input.length) {
    if (at + 8 > input.length) return undefined
    const size = view.getUint32(at)
    const compressedSize = view.getUint32(at + 4)
    at += 8
    if (compressedSize > input.length - at || size > outputLength - filled) return undefined
    try {
      if (block(input.subarray(at, at + compressedSize), output.subarray(0, filled + size), filled) !== filled + size) {
        return undefined
      }
    } catch {
      return undefined // no frame after all
    }
    at += compressedSize
    filled += size
  }
  return filled === outputLength ? output : undefined
}

/** Decompresses a block and returns where the output ends. */
const block = (input: Uint8Array, output: Uint8Array, start: number): number => {
  let at = 0
  let end = start
  const length = (nibble: number): number => {
    let length = nibble
    if (nibble === 15) {
      let byte: number
      do {
        if (at >= input.length) throw new Error("an LZ4 page ends too soon")
        byte = input[at++] as number // within bounds
        length += byte
      } while (byte === 255)
    }
    return length
  }
  while (at < input.length) {
    const token = input[at++] as number // within bounds
    const literals = length(token >> 4)
    if (literals > input.length - at || literals > output.length - end) throw new Error("an LZ4 page ends too soon")
    output.set(input.subarray(at, at + literals), end)
    at += literals
    end += literals
    if (at === input.length) return end
    if (at + 2 > input.length) throw new Error("an LZ4 page ends too soon")
    const offset = (input[at] as number) | ((input[at + 1] as number) << 8) // within bounds
    at += 2
    const matched = 4 + length(token & 15)
    if (offset === 0 || offset > end || matched > output.length - end) {
      throw new Error("an LZ4 page refers to bytes outside of it")
    }
    for (const stop = end + matched; end < stop; end++) output[end] = output[end - offset] as number // matches may overlap
  }
  return end
}
