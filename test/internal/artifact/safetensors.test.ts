/** Files that break the rules of safetensors, each refused with a sentence; and the element types that came later. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as Artifact from "../../../src/Artifact.ts"
import { decode, encode } from "../../support/codec.ts"

const any = Artifact.tensors()

const file = (name: string) =>
  new Uint8Array(readFileSync(join(import.meta.dirname, "../../fixtures/safetensors", `${name}.safetensors`)))

const of = (header: string | Uint8Array, body = 0): Uint8Array => {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header
  const bytes = new Uint8Array(8 + text.length + body)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
  bytes.set(text, 8)
  return bytes
}

const at = (place: string) => `{"w":{"dtype":"U8","shape":[4],"data_offsets":${place}}}`

const refused: ReadonlyArray<readonly [what: string, bytes: Uint8Array, message: string]> = [
  ["tensors that overlap", file("overlap"), "tensor b overlaps the tensor before it"],
  ["a hole between tensors", file("hole"), "4 bytes before tensor b belong to no tensor"],
  ["a name twice", file("duplicate_names"), 'the safetensors header has "a" twice'],
  ["metadata that is no text", file("metadata_not_text"), "metadata k is not a string"],
  ["a byte order mark", file("header_BOM"), "the safetensors header begins with a byte order mark, and not with {"],
  [
    "a field twice",
    of('{"w":{"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]}}', 1),
    'the safetensors header has "dtype" twice'
  ],
  [
    "a name twice, written in two ways",
    of(
      '{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0077":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'
    ),
    'the safetensors header has "w" twice'
  ],
  ["metadata twice", of('{"__metadata__":{},"__metadata__":{}}'), 'the safetensors header has "__metadata__" twice'],
  ["metadata that is an array", of('{"__metadata__":["a"]}'), "the safetensors header is not an object of tensors"],
  ["metadata that is null", of('{"__metadata__":null}'), "the safetensors header is not an object of tensors"],
  ["an array in place of a tensor", of('{"w":[]}'), "the safetensors header is not an object of tensors"],
  ["an array in place of the header", of("[]"), "the safetensors header is not an object of tensors"],
  ["blanks before the header", of(" {}"), "the safetensors header does not begin with {"],
  ["more than the header", of("{}x"), "the safetensors header is not valid JSON"],
  [
    "a header that is not UTF-8",
    of(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x7b, 0x7d, 0x7d)),
    "the safetensors header is not valid JSON"
  ],
  ["offsets that go back", of(at("[4,0]"), 4), "the bytes of tensor w do not fill its shape [4]"],
  ["negative offsets", of(at("[-4,0]"), 4), "tensor w has no place"],
  ["offsets beyond the bytes", of(at("[4,8]"), 4), "the bytes of tensor w do not fill its shape [4]"],
  ["offsets that are fractions", of(at("[0.0,4.0]"), 4), "tensor w has no place"],
  ["offsets that are too many", of(at("[0,2,4]"), 4), "tensor w has no place"],
  ["offsets that are texts", of(at('["0","4"]'), 4), "tensor w has no place"],
  ["offsets that no number holds", of(at("[18446744073709551612,18446744073709551616]"), 4), "tensor w has no place"],
  [
    "a shape that overflows",
    of('{"w":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}'),
    "tensor w has no shape"
  ],
  ["a shape of nulls", of('{"w":{"dtype":"U8","shape":[null],"data_offsets":[0,0]}}'), "tensor w has no shape"],
  [
    "elements that do not fill a byte",
    of('{"w":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}', 2),
    "the bytes of tensor w do not fill its shape [3]"
  ],
  ["bytes before the first tensor", of(at("[1,5]"), 5), "1 bytes before tensor w belong to no tensor"]
]

describe("safetensors", () => {
  for (const [what, bytes, message] of refused) {
    it.effect(`refuses ${what}`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* Effect.flip(decode(any, bytes))).message, message)
      })
    )
  }

  it.effect("refuses a header that claims more than the format allows, without reading it", () =>
    Effect.gen(function* () {
      const bytes = new Uint8Array(120_000_008)
      new DataView(bytes.buffer).setBigUint64(0, 120_000_000n, true)
      const error = yield* Effect.flip(decode(any, bytes))
      assert.strictEqual(error.message, "the safetensors header has 120000000 bytes, and the format allows 100000000")
      new DataView(bytes.buffer).setBigUint64(0, 2n ** 64n - 1n, true)
      assert.strictEqual(
        (yield* Effect.flip(decode(any, bytes))).message,
        "the bytes end within the safetensors header"
      )
    })
  )

  for (const dtype of ["F4", "F6_E2M3", "F6_E3M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ"] as const) {
    it.effect(`reads ${dtype} as bytes, and writes the same file`, () =>
      Effect.gen(function* () {
        const bytes = file(`dtype_${dtype}`)
        const value = yield* decode(any, bytes)
        const tensor = value.tensors.a
        assert.strictEqual(tensor?.dtype, dtype)
        assert.deepStrictEqual(tensor?.shape, [8])
        assert.deepStrictEqual(
          tensor?.data,
          new Uint8Array(bytes.subarray(8 + Number(new DataView(bytes.buffer).getBigUint64(0, true))))
        )
        const again = yield* decode(any, yield* encode(any, value))
        assert.deepStrictEqual(again, value)
      })
    )
  }

  it.effect("refuses to write a value of another form", () =>
    Effect.gen(function* () {
      const w = { dtype: "F4", shape: [3], data: new Uint8Array(2) }
      const broken: ReadonlyArray<readonly [unknown, string]> = [
        [
          { tensors: {}, metadata: null },
          "expected { tensors, metadata }, but metadata is not an object: use {} if there is none"
        ],
        [{ tensors: {} }, "expected { tensors, metadata }, but metadata is not an object: use {} if there is none"],
        [
          { tensors: {}, metadata: new Map([["a", "b"]]) },
          "expected { tensors, metadata }, but metadata is not an object: use {} if there is none"
        ],
        [{ tensors: null, metadata: {} }, "expected { tensors, metadata }, but tensors is not an object"],
        [{ tensors: [], metadata: {} }, "expected { tensors, metadata }, but tensors is not an object"],
        [null, "expected { tensors, metadata }, but tensors is not an object"],
        [undefined, "expected { tensors, metadata }, but tensors is not an object"],
        [{ tensors: { w: null }, metadata: {} }, "tensor w has the dtype undefined"],
        [{ tensors: { w }, metadata: {} }, "tensor w of shape [3] does not fill whole bytes with F4"],
        [{ tensors: {}, metadata: { a: "\ud800" } }, 'metadata "a" can\'t be written as UTF-8'],
        [{ tensors: { "\ud800": { ...w, shape: [4] } }, metadata: {} }, 'the name "\\ud800" can\'t be written as UTF-8']
      ]
      for (const [value, message] of broken) {
        for (const artifact of [any, Artifact.tensors({ w: { dtype: "F4" } })]) {
          const error = yield* Effect.flip(encode(artifact as typeof any, value as Artifact.Tensors))
          assert.strictEqual(error._tag, "CodecError")
          if (artifact === any) assert.isTrue(error.message.startsWith(message), error.message)
        }
      }
    })
  )

  it.effect("bytes altered anywhere end in tensors or a typed error, never in a defect", () =>
    Effect.gen(function* () {
      const sound = yield* encode(any, {
        tensors: {
          a: { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) },
          b: { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) }
        },
        metadata: { note: "x" }
      })
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(fc.nat(sound.length - 1), fc.nat(255), async (place, byte) => {
            const altered = new Uint8Array(sound)
            altered[place] = byte
            await Effect.runPromise(Effect.ignore(decode(any, altered)))
          }),
          { numRuns: 500 }
        )
      )
    })
  )
})
