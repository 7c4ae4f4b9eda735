/** The rows of equal height that are in sight of a scrolled element, however many there are. */
import { type RefObject, useEffect, useRef, useState } from "react"
import * as Tall from "../model/tallScroll.ts"

/** Rows beyond both ends of the view that are drawn, too. */
const overscan = 15

export interface TallRows {
  /** The height of the element with the rows, in pixels. */
  readonly height: number
  /** The first row that is drawn, and the one after the last. */
  readonly from: number
  readonly to: number
  /** The first row that is seen whole. */
  readonly first: number
  /** Where in the element a row begins. */
  readonly startOf: (row: number) => number
  /** Scrolls as far as it takes to see a row. */
  readonly show: (row: number) => void
}

/**
 * @param scroll The element that is scrolled.
 * @param head What stays at its top, above the rows.
 */
export const useTallRows = (
  scroll: RefObject<HTMLElement | null>,
  head: RefObject<HTMLElement | null>,
  { count, rowHeight }: { readonly count: number; readonly rowHeight: number }
): TallRows => {
  const [view, setView] = useState(0)
  const [place, setPlace] = useState<Tall.Place>({ real: 0, top: 0 })
  const latest = useRef(place)
  const heights: Tall.Heights = { full: count * rowHeight, view }
  const go = (to: Tall.Place) => {
    latest.current = to
    setPlace(to)
  }
  const onScroll = useRef(() => {})
  onScroll.current = () => {
    const real = scroll.current?.scrollTop ?? 0
    if (real !== latest.current.real) go(Tall.scrolled(latest.current, real, heights))
  }
  useEffect(() => {
    const element = scroll.current
    if (element === null) return
    const measure = () => setView(Math.max(0, element.clientHeight - (head.current?.offsetHeight ?? 0)))
    const listener = () => onScroll.current()
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    if (head.current !== null) observer.observe(head.current)
    element.addEventListener("scroll", listener, { passive: true })
    measure()
    return () => {
      observer.disconnect()
      element.removeEventListener("scroll", listener)
    }
  }, [scroll, head])
  return {
    height: Math.min(heights.full, Tall.heightLimit),
    from: Math.max(0, Math.floor(place.top / rowHeight) - overscan),
    to: Math.min(count, Math.ceil((place.top + view) / rowHeight) + overscan),
    first: Math.max(0, Math.min(count - 1, Math.ceil(place.top / rowHeight))),
    startOf: (row) => row * rowHeight - place.top + place.real,
    show: (row) => {
      const next = Tall.showing(latest.current, row * rowHeight, (row + 1) * rowHeight, heights)
      const element = scroll.current
      if (element === null || next.top === latest.current.top) return
      element.scrollTop = next.real
      // What the element made of it, so that the event that follows is known to be no other's.
      go({ real: element.scrollTop, top: next.top })
    }
  }
}
