/**
 * The three inner loops of training, vectorized by four: the forward pass from a row's terms to the hidden units, the
 * backward pass to the terms' weights, and Adam. They are WebAssembly, because JavaScript has no SIMD: Adam alone takes
 * 57 million square roots and divisions in the tutorial's ten epochs, two thirds of the time of a loop in JavaScript.
 *
 * Addresses and sizes are in bytes. Hidden units are padded to a multiple of four.
 */
import * as Wasm from "./wasm.ts"

const { f32, f32x4, i32, repeat, type, when } = Wasm
const { abs, add, and, div, gt, lt, mul, splat, sqrt, sub } = f32x4

/** Adam's decay rates and epsilon. */
export const beta1 = 0.9
export const beta2 = 0.999
const epsilon = 1e-7

/** The size of an entry of a row: the address of a term's weights, and the term's count. */
const entryBytes = 8

const addressOf = (entry: Wasm.Local): Wasm.Code => i32.load(entry.get)
const countOf = (entry: Wasm.Local): Wasm.Code => f32.load(i32.add(entry.get, i32.constant(4)))
const advance = (local: Wasm.Local, bytes: number): Wasm.Code => local.set(i32.add(local.get, i32.constant(bytes)))

/** Loops over the entries of a row. */
const eachEntry = (entry: Wasm.Local, entries: Wasm.Local, end: Wasm.Local, body: Wasm.Code): Wasm.Code => {
  const isBefore = i32.lessUnsigned(entry.get, end.get)
  return [...entry.set(entries.get), ...when(isBefore, repeat([...body, ...advance(entry, entryBytes)], isBefore))]
}

const forward: Wasm.Function = {
  parameters: [type.i32, type.i32, type.i32, type.i32, type.i32],
  locals: [type.i32, type.i32, type.v128],
  body: (entries, end, size, bias, hidden, entry, at, sum) =>
    repeat(
      [
        ...sum.set(f32x4.load(i32.add(bias.get, at.get))),
        ...eachEntry(
          entry,
          entries,
          end,
          sum.set(add(sum.get, mul(splat(countOf(entry)), f32x4.load(i32.add(addressOf(entry), at.get)))))
        ),
        ...f32x4.store(i32.add(hidden.get, at.get), sum.get),
        ...advance(at, 16)
      ],
      i32.lessUnsigned(at.get, size.get)
    )
}

const backward: Wasm.Function = {
  parameters: [type.i32, type.i32, type.i32, type.i32, type.i32],
  locals: [type.i32, type.i32, type.i32, type.v128],
  body: (entries, end, size, back, stride, entry, at, place, gradient) =>
    repeat(
      [
        ...gradient.set(f32x4.load(i32.add(back.get, at.get))),
        ...eachEntry(entry, entries, end, [
          ...place.set(i32.add(i32.add(addressOf(entry), stride.get), at.get)),
          ...f32x4.store(place.get, add(f32x4.load(place.get), mul(splat(countOf(entry)), gradient.get)))
        ]),
        ...advance(at, 16)
      ],
      i32.lessUnsigned(at.get, size.get)
    )
}

const adam: Wasm.Function = {
  parameters: [type.i32, type.i32, type.i32, type.f32, type.f32, type.f32, type.f32],
  result: type.f32,
  locals: [type.i32, type.i32, type.i32, ...new Array<number>(15).fill(type.v128)],
  // biome-ignore format: the parameters, the addresses, and the vectors
  body: (
    at, end, stride, oneRate, oneCorrection, oneL1, oneL2,
    gradientAt, firstAt, secondAt,
    rate, correction, l1, l2, b1, c1, b2, c2, e, zero, w, g, m, v, penalty
  ) => [
      ...rate.set(splat(oneRate.get)),
      ...correction.set(splat(oneCorrection.get)),
      ...l1.set(splat(oneL1.get)),
      ...l2.set(splat(oneL2.get)),
      ...b1.set(splat(f32.constant(beta1))),
      ...c1.set(splat(f32.constant(1 - beta1))),
      ...b2.set(splat(f32.constant(beta2))),
      ...c2.set(splat(f32.constant(1 - beta2))),
      ...e.set(splat(f32.constant(epsilon))),
      ...repeat(
        [
          ...gradientAt.set(i32.add(at.get, stride.get)),
          ...firstAt.set(i32.add(gradientAt.get, stride.get)),
          ...secondAt.set(i32.add(firstAt.get, stride.get)),
          ...w.set(f32x4.load(at.get)),
          // g + l1·sign(w) + 2·l2·w
          ...g.set(
            add(
              add(f32x4.load(gradientAt.get), sub(and(gt(w.get, zero.get), l1.get), and(lt(w.get, zero.get), l1.get))),
              mul(add(l2.get, l2.get), w.get)
            )
          ),
          ...f32x4.store(gradientAt.get, zero.get),
          ...m.set(add(mul(b1.get, f32x4.load(firstAt.get)), mul(c1.get, g.get))),
          ...f32x4.store(firstAt.get, m.get),
          ...v.set(add(mul(b2.get, f32x4.load(secondAt.get)), mul(mul(c2.get, g.get), g.get))),
          ...f32x4.store(secondAt.get, v.get),
          ...w.set(sub(w.get, div(mul(rate.get, m.get), add(mul(sqrt(v.get), correction.get), e.get)))),
          ...f32x4.store(at.get, w.get),
          ...penalty.set(add(penalty.get, add(mul(l1.get, abs(w.get)), mul(l2.get, mul(w.get, w.get))))),
          ...advance(at, 16)
        ],
        i32.lessUnsigned(at.get, end.get)
      ),
      ...[0, 1, 2, 3].map((lane) => f32x4.lane(penalty.get, lane)).reduce((sum, lane) => f32.add(sum, lane))
    ]
}

/** The compiled loops. */
export interface Loops {
  /** Computes the hidden units: their bias plus, for each entry, its count times the weights at its address. */
  readonly forward: (entries: number, end: number, size: number, bias: number, hidden: number) => void
  /**
   * Adds, for each entry, its count times the hidden units' gradient at `back` to the gradients of its weights, which
   * are `stride` bytes after the weights.
   */
  readonly backward: (entries: number, end: number, size: number, back: number, stride: number) => void
  /**
   * Updates the weights between two addresses with Adam, and returns their penalty. The gradients, which are reset to
   * zero, are `stride` bytes after the weights, followed by the first and the second moments.
   */
  readonly adam: (
    at: number,
    end: number,
    stride: number,
    rate: number,
    correction: number,
    l1: number,
    l2: number
  ) => number
}

const instantiate = Wasm.instantiate({ forward, backward, adam })

/** Instantiates the loops with a memory of at least this many bytes. */
export const make = (bytes: number): { readonly memory: Wasm.Memory; readonly loops: Loops } => {
  const { exports, memory } = instantiate(bytes)
  return { memory, loops: exports as Loops } // they are assembled from the functions above
}
