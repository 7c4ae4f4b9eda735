/** Shows a status as a shape, a word and a colour, so that it is readable without colour and by screen readers. */
import { useEffect, useRef } from "react"
import type { ShownStatus, TaskView } from "../api.ts"

type Word = ShownStatus | "waiting"

const words: Readonly<Record<Word, string>> = {
  running: "running",
  waiting: "waiting",
  succeeded: "succeeded",
  failed: "failed",
  interrupted: "interrupted",
  crashed: "crashed"
}

const shapes: Readonly<Record<Word, React.ReactNode>> = {
  waiting: (
    <>
      <circle cx="8" cy="8" r="6" className="track" />
      <path d="M5 8h.1M8 8h.1M11 8h.1" className="arc" />
    </>
  ),
  succeeded: (
    <>
      <circle cx="8" cy="8" r="7" className="fill" />
      <path d="M4.8 8.3 7 10.5 11.3 5.9" className="mark" />
    </>
  ),
  running: (
    <>
      <circle cx="8" cy="8" r="6" className="track" />
      <path d="M8 2a6 6 0 0 1 6 6" className="arc" />
    </>
  ),
  failed: (
    <>
      <path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" className="fill" />
      <path d="m5.4 5.4 5.2 5.2m0-5.2-5.2 5.2" className="mark" />
    </>
  ),
  interrupted: (
    <>
      <rect x="1.5" y="1.5" width="13" height="13" rx="3" className="fill" />
      <path d="M6.2 5v6M9.8 5v6" className="mark" />
    </>
  ),
  crashed: (
    <>
      <path d="M8 1 15.5 14.5H.5z" className="fill" />
      <path d="M8 5.8v4M8 12v.4" className="mark" />
    </>
  )
}

/** The rotation of the running mark: the time between two positions, and positions per turn. */
const turn = { intervalMs: 250, positions: 8 }
const turning = new Set<SVGSVGElement>()
let turner: ReturnType<typeof setInterval> | undefined
let place = 0

/**
 * Turns all marks together, a few times a second. A CSS animation would make the browser repaint the page sixty times a
 * second and take CPU time from runs on the same machine.
 */
const startTurning = (mark: SVGSVGElement): (() => void) => {
  turning.add(mark)
  turner ??= setInterval(() => {
    place = (place + 1) % turn.positions
    for (const mark of turning) mark.style.transform = `rotate(${(360 * place) / turn.positions}deg)`
  }, turn.intervalMs)
  return () => {
    turning.delete(mark)
    mark.style.transform = ""
    if (turning.size > 0) return
    clearInterval(turner)
    turner = undefined
  }
}

const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches

const useTurn = (status: Word) => {
  const mark = useRef<SVGSVGElement>(null)
  useEffect(() => {
    if (status === "running" && mark.current !== null && !isStill()) return startTurning(mark.current)
  }, [status])
  return mark
}

const size = { viewBox: "0 0 16 16", width: 14, height: 14 }

export const StatusMark = ({ status }: { readonly status: Word }) => (
  <svg ref={useTurn(status)} className={`status-mark ${status}`} {...size} role="img" aria-label={words[status]}>
    {shapes[status]}
  </svg>
)

export const Status = ({ status }: { readonly status: Word }) => (
  <span className={`status ${status}`}>
    <svg ref={useTurn(status)} className={`status-mark ${status}`} {...size} aria-hidden="true">
      {shapes[status]}
    </svg>
    {words[status]}
  </span>
)

const hows = { executed: "executed", takenOver: "taken over", cached: "cached" } as const

/** How a task got its outputs. Executed tasks have no badge unless `always` is set. */
export const How = ({ how, always = false }: { readonly how: TaskView["how"]; readonly always?: boolean }) =>
  how === "executed" && !always ? null : <span className={`badge how ${how}`}>{hows[how]}</span>
