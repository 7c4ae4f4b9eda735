/**
 * Parquet's hybrid of runs and packed bits, which levels, dictionary indexes and booleans are stored in. It is decoded
 * here and not by hyparquet so that what a damaged file claims can never make it write, or loop, beyond its output.
 */

/** Numbers of so many bits each: one run where all are the same, packed bits else. */
export const encode = (values: Uint8Array | Uint32Array, width: number): Uint8Array => {
  const [first = 0] = values
  if (values.every((value) => value === first)) {
    const header = varint(values.length * 2)
    const bytes = new Uint8Array(header.length + ((width + 7) >> 3))
    bytes.set(header)
    for (let at = header.length, rest = first; at < bytes.length; at++, rest >>>= 8) bytes[at] = rest
    return bytes
  }
  const groups = Math.ceil(values.length / 8)
  const header = varint(groups * 2 + 1)
  const bytes = new Uint8Array(header.length + groups * width)
  bytes.set(header)
  let at = header.length
  let held = 0
  let bits = 0
  for (let i = 0; i < values.length; i++) {
    held |= (values[i] as number) << bits // within bounds; widths of up to 24 bits leave room for a part of a byte
    bits += width
    for (; bits >= 8; bits -= 8, held >>>= 8) bytes[at++] = held
  }
  if (bits > 0) bytes[at] = held
  return bytes
}

const varint = (value: number): ReadonlyArray<number> =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 0x80))]

/** Reads so many numbers of so many bits each, and says where the reading ended. */
export const decode = (bytes: Uint8Array, start: number, width: number, output: Uint8Array | Uint32Array): number => {
  if (width > 32) throw new Error(`numbers of ${width} bits are not part of the format`)
  const byteWidth = (width + 7) >> 3
  let at = start
  let filled = 0
  while (filled < output.length) {
    let header = 0
    let shift = 0
    for (;;) {
      if (at >= bytes.length || shift > 28) throw new Error("its runs end too soon")
      const byte = bytes[at++] as number // within bounds
      header |= (byte & 0x7f) << shift
      if (byte < 0x80) break
      shift += 7
    }
    header >>>= 0
    if ((header & 1) === 0) {
      const count = Math.min(header >>> 1, output.length - filled)
      if (at + byteWidth > bytes.length || count === 0) throw new Error("its runs end too soon")
      let value = 0
      for (let i = 0; i < byteWidth; i++) value |= (bytes[at++] as number) << (8 * i) // within bounds
      output.fill(value >>> 0, filled, filled + count)
      filled += count
    } else {
      const packed = (header >>> 1) * width // bytes: eight numbers at a time
      const count = Math.min((header >>> 1) * 8, output.length - filled)
      if (count === 0) throw new Error("its runs end too soon")
      unpack(bytes, at, width, output, filled, count)
      filled += count
      at = Math.min(at + packed, bytes.length) // what fills up the last group may be left out, and claimed all the same
    }
  }
  return at
}

const unpack = (
  bytes: Uint8Array,
  start: number,
  width: number,
  output: Uint8Array | Uint32Array,
  from: number,
  count: number
): void => {
  if (start + Math.ceil((count * width) / 8) > bytes.length) throw new Error("its runs end too soon")
  const mask = width === 32 ? 0xffff_ffff : (1 << width) - 1
  let at = start
  let bits = 0 // how many bits of `held` are still unread
  let held = 0
  for (let i = 0; i < count; i++) {
    if (width <= 24) {
      while (bits < width) {
        held |= (bytes[at++] as number) << bits // the length was looked at
        bits += 8
      }
      output[from + i] = held & mask
      held >>>= width
      bits -= width
    } else {
      // Wider than what 32 bits can hold beside a part of the next byte.
      let value = 0
      for (let bit = 0; bit < width; bit++) {
        const index = i * width + bit
        value |= (((bytes[start + (index >> 3)] as number) >> (index & 7)) & 1) << bit // the length was looked at
      }
      output[from + i] = (value & mask) >>> 0
    }
  }
}
