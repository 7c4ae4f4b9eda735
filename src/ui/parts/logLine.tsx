/** A line of a log: time, level, task, and the text in the colours that the program printed, with hits marked. */
import { memo } from "react"
import type * as Api from "../api.ts"
import { absolute, clock } from "../format.ts"
import * as Ansi from "../model/ansi.ts"
import { pieces, textOf } from "../model/log.ts"
import { toTask } from "../router.ts"
import { Link } from "./basic.tsx"

/** The pieces of a line's text, and which of them are hits. */
const markedPieces = (line: Api.LogView, search: string) => {
  const text = pieces(textOf(line), search)
  const positions: Array<number> = []
  let at = 0
  for (const part of text.slice(0, -1)) {
    at += part.length
    positions.push(at)
  }
  let start = 0
  return Ansi.cutAt(Ansi.parse(line.message), positions).map((piece) => {
    const before = positions.filter((position) => position <= start).length
    start += piece.text.length
    return { ...piece, isHit: before % 2 === 1 }
  })
}

/** A colour that a program chose for a terminal, as light or dark as this page's background needs. */
const legible = (color: string): string =>
  `light-dark(oklch(from ${color} min(l, 0.47) c h), oklch(from ${color} max(l, 0.78) c h))`

const tinted = (color: string | undefined): string | undefined =>
  color === undefined ? undefined : `color-mix(in srgb, ${color} 18%, transparent)`

const Styled = ({ background, className, color, text }: Ansi.Piece) =>
  className === "" && color === undefined && background === undefined ? (
    text
  ) : (
    <span
      className={className}
      style={{ color: color === undefined ? undefined : legible(color), background: tinted(background) }}
    >
      {text}
    </span>
  )

const Text = ({ line, search }: { readonly line: Api.LogView; readonly search: string }) => (
  <>
    {markedPieces(line, search).map(({ isHit, ...piece }, i) => {
      const key = i // pieces have no other identity than their order
      return isHit ? (
        <mark key={key}>
          <Styled {...piece} />
        </mark>
      ) : (
        <Styled key={key} {...piece} />
      )
    })}
  </>
)

export const LogLine = memo(
  ({
    current,
    index,
    line,
    link,
    measure,
    run,
    search,
    top
  }: {
    readonly line: Api.LogView
    readonly index: number
    readonly top: number
    readonly measure: (element: HTMLElement | null) => void
    readonly search: string
    readonly current: boolean
    /** The address of the view with this line. */
    readonly link: string
    readonly run: string | undefined
  }) => {
    const level = line.level.toLowerCase()
    return (
      <div
        ref={measure}
        data-index={index}
        data-line={line.sequence}
        className={`line ${level} ${current ? "current" : ""}`}
        style={{ transform: `translateY(${top}px)` }}
      >
        <Link to={link} className="line-link" title={`${absolute(line.at)}: a link to this line`}>
          <time>{clock(line.at)}</time>
        </Link>
        <span className="level">{level === "info" ? "" : level}</span>
        {run === undefined ? null : line.task === "" ? (
          <span className="task">flow</span>
        ) : (
          <Link to={toTask(run, line.task)} className="task" title={line.task}>
            {line.task}
          </Link>
        )}
        <span className="message">
          <Text line={line} search={search} />
        </span>
      </div>
    )
  }
)
