/**
 * Tensors as an artifact. The bytes are safetensors, which Python's, Rust's and other libraries read:
 * https://huggingface.co/docs/safetensors. Writing copies every tensor once, into the bytes that are stored; reading copies only what is not aligned.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Bytes from "../schema/bytes.ts"
import { CodecError } from "../schema/codecError.ts"
import * as Description from "../schema/description.ts"
import { type Artifact, make } from "./artifact.ts"
import * as Safetensors from "./safetensors.ts"

export type { Dtype, Tensor } from "./safetensors.ts"

/** What a tensors artifact holds: an element type and a shape for each name, where `null` is any size. */
export interface TensorSpec {
  readonly [name: string]: {
    readonly dtype: Safetensors.Dtype
    readonly shape?: ReadonlyArray<number | null>
  }
}

/** Named tensors, and texts about them. */
export interface Tensors<S extends TensorSpec = TensorSpec> {
  readonly tensors: { readonly [K in keyof S]: Safetensors.Tensor<S[K]["dtype"]> }
  readonly metadata: { readonly [key: string]: string }
}

/**
 * Named tensors, as safetensors. Each receiver gets tensors of its own: views on one copy of the stored bytes.
 *
 * @param spec Which tensors there must be, of which element type and shape; without it, any.
 *
 * @example
 * ```ts
 * const Weights = Artifact.tensors({ weights: { dtype: "F32", shape: [null, 128] } })
 * ```
 */
export const tensors = <const S extends TensorSpec = TensorSpec>(spec?: S): Artifact<Tensors<S>> => {
  const encode = (value: Tensors<S>) => Result.flatMap(check(value, spec), (fit) => Safetensors.encode(fit))
  return make<Tensors<S>>({
    format: "tensors",
    mediaType: "application/vnd.safetensors",
    description: Description.lazy(() => Description.make({ format: "tensors", tensors: spec ?? null })),
    encode: (value) => Effect.suspend(() => Effect.fromResult(encode(value))),
    decode: (stored) =>
      Effect.flatMap(stored.bytes, (bytes) =>
        Effect.fromResult(Result.flatMap(Safetensors.decode(bytes), (value) => check(value, spec)))
      ),
    capture: (value) => Effect.fromResult(Result.map(encode(value), (parts) => ({ encoded: [Bytes.concat(parts)] })))
  })
}

/** That the tensors of a spec are there, each with its type and shape, and no others. */
const check = <S extends TensorSpec>(
  value: Safetensors.Contents,
  spec: S | undefined
): Result.Result<Tensors<S>, CodecError> => {
  const form = Safetensors.formOf(value)
  if (Result.isFailure(form)) return Result.fail(form.failure)
  const fail = (message: string, ...path: ReadonlyArray<string>) => Result.fail(new CodecError({ message, path }))
  const isObject = (part: unknown) => typeof part === "object" && part !== null
  if (!isObject(value?.tensors) || !isObject(value.metadata)) {
    return fail("expected { tensors, metadata }")
  }
  if (spec !== undefined) {
    for (const [name, { dtype, shape }] of Object.entries(spec)) {
      const tensor = Object.hasOwn(value.tensors, name) ? value.tensors[name] : undefined
      const names = Object.keys(value.tensors).join(", ") || "none"
      if (tensor === undefined) return fail(`tensor ${name} is missing; there: ${names}`, "tensors", name)
      if (tensor?.dtype !== dtype) {
        return fail(`tensor ${name} is declared ${dtype} and is ${String(tensor?.dtype)}`, "tensors", name, "dtype")
      }
      if (
        shape !== undefined &&
        Array.isArray(tensor.shape) && // else its shape is refused when it is encoded
        (shape.length !== tensor.shape.length || shape.some((size, i) => size !== null && size !== tensor.shape[i]))
      ) {
        const declared = shape.map((size) => size ?? "any").join(", ")
        return fail(
          `tensor ${name} is declared with the shape [${declared}] and has [${tensor.shape.join(", ")}]`,
          "tensors",
          name,
          "shape"
        )
      }
    }
    const extra = Object.keys(value.tensors).find((name) => !Object.hasOwn(spec, name))
    if (extra !== undefined) return fail(`tensor ${extra} is not declared`, "tensors", extra)
  }
  return Result.succeed(value as Tensors<S>) // every tensor of the spec was found, with its type
}
