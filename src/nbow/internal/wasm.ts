/**
 * The parts of a WebAssembly assembler that `vectorLoops.ts` and `scanLoop.ts` need. Code is a list of bytes, composed by
 * functions that read like expressions. The encoding is specified in https://webassembly.github.io/spec/core/binary.
 */

// Platform types that no dependency declares.
declare const WebAssembly: {
  readonly Memory: new (options: { readonly initial: number }) => Memory
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

/** Memory that JavaScript and WebAssembly share. Growing it by pages of 64 KiB detaches the buffer. */
export interface Memory {
  readonly buffer: ArrayBuffer
  readonly grow: (pages: number) => number
}

/** The size of a page of memory. */
export const pageBytes = 65536

/** Instructions. An expression leaves its value on the stack. */
export type Code = ReadonlyArray<number>

/** A local variable or parameter, by its number. */
export interface Local {
  readonly get: Code
  readonly set: (value: Code) => Code
}

/** The types of values. */
export const type = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const

/** Encodes an unsigned integer (LEB128). */
const unsigned = (n: number): Code => (n < 128 ? [n] : [(n & 127) | 128, ...unsigned(n >>> 7)])

const vector =
  (operation: number, ...immediate: ReadonlyArray<number>) =>
  (...operands: ReadonlyArray<Code>): Code => [...operands.flat(), 0xfd, ...unsigned(operation), ...immediate]

const scalar =
  (operation: number, ...immediate: ReadonlyArray<number>) =>
  (...operands: ReadonlyArray<Code>): Code => [...operands.flat(), operation, ...immediate]

const signed = (n: number): Code => (n >= -64 && n < 64 ? [n & 127] : [(n & 127) | 128, ...signed(n >> 7)])

/** Reads or writes memory at an address plus an offset. */
const access =
  (operation: number) =>
  (address: Code, offset = 0): Code => [...address, operation, 0, ...unsigned(offset)]

/** Four single-precision numbers at once. */
export const f32x4 = {
  load: (address: Code, offset = 0): Code => vector(0x00, 2, ...unsigned(offset))(address),
  store: (address: Code, value: Code, offset = 0): Code => vector(0x0b, 2, ...unsigned(offset))(address, value),
  splat: vector(0x13),
  lane: (value: Code, lane: number): Code => vector(0x1f, lane)(value),
  lt: vector(0x43),
  gt: vector(0x44),
  and: vector(0x4e),
  abs: vector(0xe0),
  sqrt: vector(0xe3),
  add: vector(0xe4),
  sub: vector(0xe5),
  mul: vector(0xe6),
  div: vector(0xe7),
  /** The second number where the first is less, and else the first, also where it is NaN. */
  atLeast: vector(0xeb),
  /** The first two numbers of each operand. */
  join: vector(0x0d, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
}

/** Two double-precision numbers at once. */
export const f64x2 = {
  /** Two single-precision numbers of memory. */
  promote: (address: Code, offset = 0): Code => vector(0x5f)(vector(0x5d, 2, ...unsigned(offset))(address)),
  /** As single-precision numbers, the first two of four. */
  demote: vector(0x5e),
  splat: vector(0x14),
  lane: (value: Code, lane: number): Code => vector(0x21, lane)(value),
  gt: vector(0x4a),
  and: vector(0x4e),
  add: vector(0xf0),
  mul: vector(0xf2)
}

/** Sixteen bytes at once. */
export const i8x16 = {
  load: vector(0x00, 0, 0),
  store: vector(0x0b, 0, 0),
  splat: (n: number): Code => vector(0x0f)(i32.constant(n)),
  equal: vector(0x23),
  lessUnsigned: vector(0x26),
  or: vector(0x50),
  /** Takes the first operand's bits where the third has ones, and the second's elsewhere. */
  select: vector(0x52),
  /** The highest bit of each byte. */
  mask: vector(0x64),
  sub: vector(0x71)
}

/** One single-precision number at once. */
export const f32 = {
  load: scalar(0x2a, 2, 0),
  add: scalar(0x92),
  constant: (n: number): Code => [0x43, ...new Uint8Array(Float32Array.of(n).buffer)]
}

/** One double-precision number at once. */
export const f64 = {
  load: access(0x2b),
  store: scalar(0x39, 3, 0),
  add: scalar(0xa0),
  promote: scalar(0xbb)
}

/** One integer at once. */
export const i32 = {
  load: access(0x28),
  load8: access(0x2d),
  load16: access(0x2f),
  store: scalar(0x36, 0, 0),
  isZero: scalar(0x45),
  equal: scalar(0x46),
  lessUnsigned: scalar(0x49),
  add: scalar(0x6a),
  sub: scalar(0x6b),
  mul: scalar(0x6c),
  and: scalar(0x71),
  or: scalar(0x72),
  xor: scalar(0x73),
  shiftLeft: scalar(0x74),
  shiftRight: scalar(0x76),
  /** The lower half of a long integer. */
  lower: scalar(0xa7),
  constant: (n: number): Code => [0x41, ...signed(n)]
}

/** One long integer at once. */
export const i64 = {
  load: access(0x29),
  isZero: scalar(0x50),
  equal: scalar(0x51),
  trailingZeros: scalar(0x7a),
  sub: scalar(0x7d),
  and: scalar(0x83),
  or: scalar(0x84),
  xor: scalar(0x85),
  shiftLeft: scalar(0x86),
  shiftRight: scalar(0x88),
  /** An integer as a long one without a sign. */
  extend: scalar(0xad),
  constant: (n: number): Code => [0x42, ...signed(n)]
}

/** The first value if the condition holds, else the second. Both are computed. */
export const select = (condition: Code, first: Code, second: Code): Code => [...first, ...second, ...condition, 0x1b]

/** Runs a body that `leave` ends. */
export const block = (body: Code): Code => [0x02, 0x40, ...body, 0x0b]

/** Ends the block that is so many blocks, loops and conditions further out. */
export const leave = (depth: number): Code => [0x0c, ...unsigned(depth)]

/** The same, if the condition holds. */
export const leaveIf = (condition: Code, depth: number): Code => [...condition, 0x0d, ...unsigned(depth)]

/** Calls an imported function, by its number. */
export const call = (number: number, ...operands: ReadonlyArray<Code>): Code => [
  ...operands.flat(),
  0x10,
  ...unsigned(number)
]

/** Runs the body repeatedly while the condition holds after it (do-while). */
export const repeat = (body: Code, condition: Code): Code => [0x03, 0x40, ...body, ...condition, 0x0d, 0, 0x0b]

/** Runs the body if the condition holds, or else what is to be run otherwise. */
export const when = (condition: Code, body: Code, otherwise: Code = []): Code => [
  ...condition,
  0x04,
  0x40,
  ...body,
  ...(otherwise.length === 0 ? [] : [0x05, ...otherwise]),
  0x0b
]

/** The types of a function's parameters and result. */
export interface Signature {
  readonly parameters: ReadonlyArray<number>
  readonly result?: number
}

/** A function: its types, those of its locals, and its body as a function of all parameters and locals. */
export interface Function extends Signature {
  readonly locals: ReadonlyArray<number>
  readonly body: (...locals: ReadonlyArray<Local>) => Code
}

const sized = (content: Code): Code => [...unsigned(content.length), ...content]
const section = (id: number, items: ReadonlyArray<Code>): Code => [
  id,
  ...sized([...unsigned(items.length), ...items.flat()])
]
const text = (s: string): Code => sized(Array.from(new TextEncoder().encode(s)))

/** Functions are numbered from 0, the imported ones first, and each has the type of its number. */
const assemble = (
  imported: ReadonlyArray<readonly [name: string, Signature]>,
  functions: ReadonlyArray<readonly [name: string, Function]>
): Uint8Array =>
  Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(
      1,
      [...imported, ...functions].map(([, { parameters, result }]) => [
        0x60,
        ...sized(parameters),
        ...sized(result === undefined ? [] : [result])
      ])
    ),
    ...section(2, [
      ...imported.map(([name], i) => [...text("js"), ...text(name), 0x00, i]),
      [...text("js"), ...text("memory"), 0x02, 0x00, 1]
    ]),
    ...section(
      3,
      functions.map((_, i) => [imported.length + i])
    ),
    ...section(
      7,
      functions.map(([name], i) => [...text(name), 0x00, imported.length + i])
    ),
    ...section(
      10,
      functions.map(([, { body, locals, parameters }]) => {
        const all = [...parameters, ...locals].map(
          (_, i): Local => ({ get: [0x20, i], set: (value) => [...value, 0x21, i] })
        )
        return sized([...unsigned(locals.length), ...locals.flatMap((local) => [1, local]), ...body(...all), 0x0b])
      })
    )
  ])

/** Instantiates functions with a memory of at least this many bytes, and with functions that they import. */
export const instantiate = (
  functions: { readonly [name: string]: Function },
  imported: { readonly [name: string]: Signature } = {}
): ((
  bytes: number,
  given?: { readonly [name: string]: (...args: Array<never>) => unknown }
) => { memory: Memory; exports: object }) => {
  let module: object | undefined
  return (bytes, given = {}) => {
    module ??= new WebAssembly.Module(assemble(Object.entries(imported), Object.entries(functions)))
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / pageBytes) })
    return { memory, exports: new WebAssembly.Instance(module, { js: { ...given, memory } }).exports }
  }
}
