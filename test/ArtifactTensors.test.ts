import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as Artifact from "../src/Artifact.ts"
import { decode, encode, roundTrip } from "./support/codec.ts"

const any = Artifact.tensors()

const f32 = (shape: ReadonlyArray<number>, ...numbers: ReadonlyArray<number>): Artifact.Tensor<"F32"> => ({
  dtype: "F32",
  shape,
  data: Float32Array.from(numbers)
})

const holders = {
  BOOL: Uint8Array,
  U8: Uint8Array,
  I8: Int8Array,
  U16: Uint16Array,
  I16: Int16Array,
  U32: Uint32Array,
  I32: Int32Array,
  U64: BigUint64Array,
  I64: BigInt64Array,
  F32: Float32Array,
  F64: Float64Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  F8_E4M3: Uint8Array,
  F8_E5M2: Uint8Array,
  F8_E8M0: Uint8Array,
  F8_E4M3FNUZ: Uint8Array,
  F8_E5M2FNUZ: Uint8Array,
  F6_E2M3: Uint8Array,
  F6_E3M2: Uint8Array,
  F4: Uint8Array,
  C64: Float32Array
} satisfies { readonly [D in Artifact.Dtype]: unknown }

const dtypes = Object.keys(holders) as ReadonlyArray<Artifact.Dtype>

/** The bits of an element, where they are not those of its holder's. */
const bitsOf: { readonly [D in Artifact.Dtype]?: number } = { F6_E2M3: 6, F6_E3M2: 6, F4: 4, C64: 64 }

/** A tensor of any type and shape, its bytes at random: every bit must come back, those of NaN too. */
const tensor: fc.Arbitrary<Artifact.Tensor> = fc
  .tuple(fc.constantFrom(...dtypes), fc.array(fc.nat(4), { maxLength: 3 }), fc.infiniteStream(fc.nat(255)))
  .map(([dtype, shape, stream]) => {
    const holder = holders[dtype]
    const each = (bitsOf[dtype] ?? holder.BYTES_PER_ELEMENT * 8) / 8
    const whole = each < 1 ? [...shape, 4] : shape // four elements of less than a byte fill whole bytes
    const length = whole.reduce((a, b) => a * b, 1) * each
    const bytes = Uint8Array.from({ length }, () => stream.next().value)
    return { dtype, shape: whole, data: new holder(bytes.buffer) } as Artifact.Tensor
  })

const bits = (value: Artifact.Tensors) =>
  Object.fromEntries(
    Object.entries(value.tensors).map(([name, { data, dtype, shape }]) => [
      name,
      [dtype, shape, data.constructor.name, [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]]
    ])
  )

describe("Artifact.tensors", () => {
  it.effect("returns what it was given, bit by bit, of every type and shape", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("__proto__", "10", "9")), tensor, { maxKeys: 6 }),
          fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
          async (tensors, metadata) => {
            const { __metadata__: _, ...named } = tensors
            const back = await Effect.runPromise(roundTrip(any, { tensors: named, metadata }))
            assert.deepStrictEqual(bits(back), bits({ tensors: named, metadata }))
            assert.deepStrictEqual({ ...back.metadata }, { ...metadata })
          }
        )
      )
    )
  )

  it.effect("has the same bytes for equal values, whatever the order of their names", () =>
    Effect.gen(function* () {
      const a = f32([2], 1, 2)
      const b: Artifact.Tensor<"U8"> = { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) }
      const one = yield* encode(any, { tensors: { a, b }, metadata: { x: "1", y: "2" } })
      const other = yield* encode(any, { tensors: { b, a }, metadata: { y: "2", x: "1" } })
      assert.deepStrictEqual(one, other)
    })
  )

  it.effect("lays out the format: header length, padded header, aligned tensors", () =>
    Effect.gen(function* () {
      const bytes = yield* encode(any, {
        tensors: {
          bytes: { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) },
          wide: { dtype: "F64", shape: [], data: Float64Array.of(1.5) }
        },
        metadata: { format: "np" }
      })
      const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
      assert.strictEqual(length % 8, 0)
      assert.strictEqual(
        new TextDecoder().decode(bytes.subarray(8, 8 + length)).trimEnd(),
        '{"__metadata__":{"format":"np"},"wide":{"dtype":"F64","shape":[],"data_offsets":[0,8]},"bytes":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}'
      )
      assert.strictEqual(new DataView(bytes.buffer).getFloat64(8 + length, true), 1.5)
      assert.deepStrictEqual([...bytes.subarray(8 + length + 8)], [1, 2, 3])
    })
  )

  it.effect("copies nothing on the way in, and nothing aligned on the way out", () =>
    Effect.gen(function* () {
      const data = Float32Array.of(1, 2, 3).subarray(1)
      const parts = (yield* any.encode({
        tensors: { w: { dtype: "F32", shape: [2], data } },
        metadata: {}
      })) as ReadonlyArray<Uint8Array>
      assert.strictEqual(parts[1]?.buffer, data.buffer)
      assert.strictEqual(parts[1]?.byteOffset, data.byteOffset)
      const bytes = new Uint8Array(Buffer.concat(parts))
      const aligned = yield* decode(any, bytes)
      assert.strictEqual(aligned.tensors.w?.data.buffer, bytes.buffer)
      const shifted = new Uint8Array(bytes.length + 1)
      shifted.set(bytes, 1)
      const copied = yield* decode(any, shifted.subarray(1))
      assert.notStrictEqual(copied.tensors.w?.data.buffer, shifted.buffer)
      assert.deepStrictEqual(copied.tensors.w?.data, Float32Array.of(2, 3))
    })
  )

  it.effect("holds its values to what is declared", () =>
    Effect.gen(function* () {
      const model = Artifact.tensors({ w: { dtype: "F32", shape: [null, 2] }, b: { dtype: "F32" } })
      const sound = { tensors: { w: f32([1, 2], 1, 2), b: f32([], 1) }, metadata: {} }
      const back = yield* roundTrip(model, sound)
      const typed: Float32Array = back.tensors.w.data
      assert.deepStrictEqual(typed, Float32Array.of(1, 2))
      const broken: ReadonlyArray<readonly [object, string]> = [
        [{ w: sound.tensors.w }, "tensor b is missing; there: w"],
        [{}, "tensor w is missing; there: none"],
        [
          { ...sound.tensors, b: { dtype: "I32", shape: [], data: Int32Array.of(1) } },
          "tensor b is declared F32 and is I32"
        ],
        [{ ...sound.tensors, w: f32([2, 1], 1, 2) }, "tensor w is declared with the shape [any, 2] and has [2, 1]"],
        [{ ...sound.tensors, w: f32([2], 1, 2) }, "tensor w is declared with the shape [any, 2] and has [2]"],
        [{ ...sound.tensors, more: f32([], 1) }, "tensor more is not declared"]
      ]
      for (const [tensors, message] of broken) {
        const value = { tensors, metadata: {} } as typeof sound
        assert.strictEqual((yield* Effect.flip(encode(model, value))).message, message)
        const stored = yield* encode(any, value)
        assert.strictEqual((yield* Effect.flip(decode(model, stored))).message, message)
      }
    })
  )

  it.effect("rejects what is no tensor", () =>
    Effect.gen(function* () {
      const broken: ReadonlyArray<readonly [unknown, string]> = [
        [
          { tensors: { w: { dtype: "F31", shape: [], data: new Float32Array(1) } }, metadata: {} },
          "tensor w has the dtype F31; the format knows BOOL, U8"
        ],
        [
          { tensors: { w: { dtype: "F32", shape: [1.5], data: new Float32Array(1) } }, metadata: {} },
          "tensor w has a shape that is not a list of sizes"
        ],
        [
          { tensors: { w: { dtype: "F32", shape: [2], data: new Float32Array(1) } }, metadata: {} },
          "tensor w of shape [2] needs 2 numbers and has 1"
        ],
        [
          { tensors: { w: { dtype: "F32", shape: [1], data: [1] } }, metadata: {} },
          "tensor w of dtype F32 must have its data in a Float32Array"
        ],
        [{ tensors: { __metadata__: f32([], 1) }, metadata: {} }, "__metadata__ can't be the name of a tensor"],
        [{ tensors: {}, metadata: { n: 1 } }, "metadata n is not a string"],
        [[], "expected { tensors, metadata }"]
      ]
      for (const [value, message] of broken) {
        const error = yield* Effect.flip(encode(any, value as Artifact.Tensors))
        assert.isTrue(error.message.startsWith(message), error.message)
      }
    })
  )

  it.effect("rejects bytes that are no safetensors", () =>
    Effect.gen(function* () {
      const of = (header: string, body = 0) => {
        const bytes = new Uint8Array(8 + header.length + body)
        new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true)
        bytes.set(new TextEncoder().encode(header), 8)
        return bytes
      }
      const sound = '{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
      const broken: ReadonlyArray<readonly [Uint8Array, string]> = [
        [new Uint8Array(3), "the bytes are too few to be safetensors"],
        [of(sound, 4).subarray(0, 20), "the bytes end within the safetensors header"],
        [of("nonsense"), "the safetensors header is not valid JSON"],
        [of("[1]"), "the safetensors header is not an object of tensors"],
        [of(sound, 3), "the bytes of tensor w do not fill its shape [1]"],
        [of(sound, 6), "2 bytes follow the last tensor"],
        [of('{"w":{"dtype":"X","shape":[1],"data_offsets":[0,4]}}', 4), "tensor w has the dtype X, which is not known"],
        [of('{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', 4), "tensor w has no shape"],
        [of('{"w":{"dtype":"F32","shape":[1]}}', 4), "tensor w has no place"]
      ]
      for (const [bytes, message] of broken) {
        assert.strictEqual((yield* Effect.flip(decode(any, bytes))).message, message)
      }
    })
  )

  it.effect("reads a header that another library padded and ordered in its own way", () =>
    Effect.gen(function* () {
      const header =
        '{"b":{"shape":[1],"dtype":"U8","data_offsets":[4,5]},"a":{"data_offsets":[0,4],"dtype":"I32","shape":[]}}   '
      const bytes = new Uint8Array(8 + header.length + 5)
      new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true)
      bytes.set(new TextEncoder().encode(header), 8)
      bytes.set([7, 0, 0, 0, 9], 8 + header.length)
      const { metadata, tensors } = yield* decode(any, bytes)
      assert.deepStrictEqual(metadata, {})
      assert.deepStrictEqual(tensors.a?.data, Int32Array.of(7))
      assert.deepStrictEqual(tensors.b?.data, Uint8Array.of(9))
    })
  )
})
