/**
 * The parts of a WebAssembly assembler that `vectorLoops.ts` needs. Code is a list of bytes, composed by functions that
 * read like expressions. The encoding is specified in https://webassembly.github.io/spec/core/binary.
 */

// Platform types that no dependency declares.
declare const WebAssembly: {
  readonly Memory: new (options: { readonly initial: number }) => Memory
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

/** Memory that JavaScript and WebAssembly share. */
export interface Memory {
  readonly buffer: ArrayBuffer
}

/** Instructions. An expression leaves its value on the stack. */
export type Code = ReadonlyArray<number>

/** A local variable or parameter, by its number. */
export interface Local {
  readonly get: Code
  readonly set: (value: Code) => Code
}

/** The types of values. */
export const type = { i32: 0x7f, f32: 0x7d, v128: 0x7b } as const

/** Encodes an unsigned integer (LEB128). */
const unsigned = (n: number): Code => (n < 128 ? [n] : [(n & 127) | 128, ...unsigned(n >>> 7)])

const vector =
  (operation: number, ...immediate: ReadonlyArray<number>) =>
  (...operands: ReadonlyArray<Code>): Code => [...operands.flat(), 0xfd, ...unsigned(operation), ...immediate]

const scalar =
  (operation: number, ...immediate: ReadonlyArray<number>) =>
  (...operands: ReadonlyArray<Code>): Code => [...operands.flat(), operation, ...immediate]

const signed = (n: number): Code => (n >= -64 && n < 64 ? [n & 127] : [(n & 127) | 128, ...signed(n >> 7)])

/** Four single-precision numbers at once. */
export const f32x4 = {
  load: vector(0x00, 2, 0),
  store: vector(0x0b, 2, 0),
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
  div: vector(0xe7)
}

/** One single-precision number at once. */
export const f32 = {
  load: scalar(0x2a, 2, 0),
  add: scalar(0x92),
  constant: (n: number): Code => [0x43, ...new Uint8Array(Float32Array.of(n).buffer)]
}

/** One integer at once. */
export const i32 = {
  load: scalar(0x28, 2, 0),
  add: scalar(0x6a),
  lessUnsigned: scalar(0x49),
  constant: (n: number): Code => [0x41, ...signed(n)]
}

/** Runs the body repeatedly while the condition holds after it (do-while). */
export const repeat = (body: Code, condition: Code): Code => [0x03, 0x40, ...body, ...condition, 0x0d, 0, 0x0b]

/** Runs the body if the condition holds. */
export const when = (condition: Code, body: Code): Code => [...condition, 0x04, 0x40, ...body, 0x0b]

/**
 * A function: the types of its parameters, result and locals, and its body as a function of all parameters and locals.
 */
export interface Function {
  readonly parameters: ReadonlyArray<number>
  readonly result?: number
  readonly locals: ReadonlyArray<number>
  readonly body: (...locals: ReadonlyArray<Local>) => Code
}

const sized = (content: Code): Code => [...unsigned(content.length), ...content]
const section = (id: number, items: ReadonlyArray<Code>): Code => [
  id,
  ...sized([...unsigned(items.length), ...items.flat()])
]
const text = (s: string): Code => sized(Array.from(new TextEncoder().encode(s)))

const assemble = (functions: ReadonlyArray<readonly [name: string, Function]>): Uint8Array =>
  Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(
      1,
      functions.map(([, { parameters, result }]) => [
        0x60,
        ...sized(parameters),
        ...sized(result === undefined ? [] : [result])
      ])
    ),
    ...section(2, [[...text("js"), ...text("memory"), 0x02, 0x00, 1]]),
    ...section(
      3,
      functions.map((_, i) => [i])
    ),
    ...section(
      7,
      functions.map(([name], i) => [...text(name), 0x00, i])
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

/** Instantiates functions with a memory of at least this many bytes. */
export const instantiate = (functions: {
  readonly [name: string]: Function
}): ((bytes: number) => { memory: Memory; exports: object }) => {
  let module: object | undefined
  return (bytes) => {
    module ??= new WebAssembly.Module(assemble(Object.entries(functions)))
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) })
    return { memory, exports: new WebAssembly.Instance(module, { js: { memory } }).exports }
  }
}
