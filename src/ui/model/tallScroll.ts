/**
 * Scrolling through rows that together are taller than a browser lets an element be: beyond about 17 million pixels, Firefox
 * and others draw nothing, so the rows there could never be seen. The element is then made less tall, and its scroll bar stands
 * for all rows: dragging it far leads to the same share of the rows, and scrolling a little moves them as usual.
 */

/** The maximum height of the element, in pixels. */
export const heightLimit = 8_000_000

/** Where the element is scrolled to, and where that is in the rows; in pixels. */
export interface Place {
  readonly real: number
  readonly top: number
}

/** The height of all rows, and of what is seen of them; in pixels. */
export interface Heights {
  readonly full: number
  readonly view: number
}

const ends = ({ full, view }: Heights) => ({
  real: Math.max(0, Math.min(full, heightLimit) - view),
  top: Math.max(0, full - view)
})

const within = (value: number, most: number): number => Math.max(0, Math.min(most, value))

/** The place after the element was scrolled. */
export const scrolled = (from: Place, real: number, heights: Heights): Place => {
  if (heights.full <= heightLimit) return { real, top: real }
  const most = ends(heights)
  if (real <= 0) return { real, top: 0 }
  // A browser may round.
  if (real >= most.real - 1) return { real, top: most.top }
  const moved = real - from.real
  const top = Math.abs(moved) <= heights.view ? from.top + moved : (real / most.real) * most.top
  return { real, top: within(top, most.top) }
}

/** The place at which a part of the rows is seen, as near as possible to the one before. */
export const showing = (from: Place, start: number, end: number, heights: Heights): Place => {
  const most = ends(heights)
  const wanted =
    start < from.top ? start : end > from.top + heights.view ? Math.max(from.top, end - heights.view) : from.top
  const top = within(wanted, most.top)
  if (heights.full <= heightLimit) return { real: top, top }
  const near = from.real + top - from.top
  const isNear = Math.abs(top - from.top) <= heights.view && near > 0 && near < most.real - 1
  return { real: isNear ? near : (top / most.top) * most.real, top }
}
