/**
 * Keeps the scroll position of each entry of the browser's history. The browser's own way restores it before the view has
 * loaded what it shows, when the page is too short to scroll.
 */

/** How long a view may take to become as long as it was. */
const waitLimitMs = 5000
const rememberAfterMs = 120

let timer: ReturnType<typeof setTimeout> | undefined
let restoring = 0

/** Writes the position into the current entry. */
export const remember = (): void => {
  clearTimeout(timer)
  history.replaceState({ ...history.state, scroll: window.scrollY }, "")
}

/** Goes to the top of a new view, or to the part of it that its address names. */
export const reset = (): void => {
  restoring++
  window.scrollTo(0, 0)
  if (location.hash.length > 1) follow(() => document.getElementById(decodeURIComponent(location.hash.slice(1))))
}

/** Repeats an attempt with each frame until it succeeds, the user scrolls, or the time is over. */
const repeat = (attempt: () => boolean): void => {
  const round = ++restoring
  const end = performance.now() + waitLimitMs
  const next = () => {
    if (round !== restoring || performance.now() > end || attempt()) return
    requestAnimationFrame(next)
  }
  next()
}

const follow = (find: () => HTMLElement | null): void =>
  repeat(() => {
    const element = find()
    element?.scrollIntoView()
    return element !== null
  })

const restore = (): void => {
  const wanted: unknown = history.state?.scroll
  if (typeof wanted !== "number") {
    reset()
    return
  }
  repeat(() => {
    window.scrollTo(0, wanted)
    return Math.abs(window.scrollY - wanted) < 2
  })
}

const stop = (): void => {
  restoring++
}

/** Starts keeping positions. Called once, when the page starts. */
export const start = (): void => {
  history.scrollRestoration = "manual"
  window.addEventListener("popstate", restore)
  window.addEventListener("scroll", () => {
    clearTimeout(timer)
    timer = setTimeout(remember, rememberAfterMs)
  })
  window.addEventListener("pagehide", remember)
  for (const event of ["wheel", "touchstart", "keydown"]) window.addEventListener(event, stop, { passive: true })
  restore()
}
