/**
 * Reproduces NumPy's `argsort`. scikit-learn uses it to cut a vocabulary to `max_features`, and its default sort is not
 * stable: beyond 16 elements, the algorithm decides which terms with equal counts survive. So this follows NumPy 1.24's
 * introsort step by step: quicksort with the median of three, insertion sort for up to 16 elements, and heapsort if
 * quicksort recurses too deeply.
 */

/** Ranges of up to this many elements are sorted by insertion. */
const insertionLimit = 16

/** The indices that sort the values ascending, equal values in NumPy's order. */
export const argsort = (values: Float64Array): Int32Array => {
  const order = Int32Array.from(values, (_, i) => i)
  const at = (i: number): number => values[order[i] as number] as number // within the arrays by construction
  const swap = (i: number, j: number): void => {
    const index = order[i] as number // within the array by construction
    order[i] = order[j] as number
    order[j] = index
  }
  const stack: Array<readonly [from: number, to: number, depth: number]> = []
  let from = 0
  let to = order.length - 1
  let depth = 2 * (31 - Math.clz32(order.length))
  while (true) {
    if (depth < 0) heapsort(values, order, from, to - from + 1)
    else {
      while (to - from + 1 > insertionLimit) {
        const middle = from + ((to - from) >> 1)
        if (at(middle) < at(from)) swap(middle, from)
        if (at(to) < at(middle)) swap(to, middle)
        if (at(middle) < at(from)) swap(middle, from)
        const pivot = at(middle)
        let left = from
        let right = to - 1
        swap(middle, right)
        while (true) {
          do left++
          while (at(left) < pivot)
          do right--
          while (pivot < at(right))
          if (left >= right) break
          swap(left, right)
        }
        swap(left, to - 1)
        depth--
        // The larger part is sorted later.
        if (left - from < to - left) {
          stack.push([left + 1, to, depth])
          to = left - 1
        } else {
          stack.push([from, left - 1, depth])
          from = left + 1
        }
      }
      for (let i = from + 1; i <= to; i++) {
        const index = order[i] as number // within the array by construction
        const value = values[index] as number // likewise
        let j = i
        for (; j > from && value < at(j - 1); j--) order[j] = order[j - 1] as number // likewise
        order[j] = index
      }
    }
    const next = stack.pop()
    if (next === undefined) return order
    from = next[0]
    to = next[1]
    depth = next[2]
  }
}

const heapsort = (values: Float64Array, order: Int32Array, from: number, length: number): void => {
  const heap = order.subarray(from, from + length)
  const value = (index: number): number => values[index] as number // indices come from the order
  const sink = (index: number, start: number, size: number): void => {
    let i = start
    for (let j = 2 * i; j <= size; j *= 2) {
      if (j < size && value(heap[j - 1] as number) < value(heap[j] as number)) j++
      if (!(value(index) < value(heap[j - 1] as number))) break
      heap[i - 1] = heap[j - 1] as number
      i = j
    }
    heap[i - 1] = index
  }
  for (let i = length >> 1; i > 0; i--) sink(heap[i - 1] as number, i, length)
  for (let size = length; size > 1; ) {
    const index = heap[size - 1] as number
    heap[size - 1] = heap[0] as number
    size--
    sink(index, 1, size)
  }
}
