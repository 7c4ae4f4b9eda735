/** A text of any length: of a long one, its beginning, and the rest when it is asked for. */
import { useState } from "react"
import { count } from "../format.ts"
import { beginning } from "../model/jsonText.ts"

const lettersLimit = 2000
const linesLimit = 30

const headOf = (text: string): string => {
  const head = beginning(text, lettersLimit)
  const lines = head.split("\n")
  return lines.length > linesLimit ? lines.slice(0, linesLimit).join("\n") : head
}

export const LongText = ({ className, text }: { readonly text: string; readonly className: string }) => {
  const [isWhole, setWhole] = useState(false)
  const head = headOf(text)
  const rest = text.length - head.length
  return (
    <p className={className}>
      {isWhole ? text : head}
      {rest === 0 ? null : (
        <>
          {isWhole ? " " : "… "}
          <button type="button" className="quiet" onClick={() => setWhole(!isWhole)} aria-expanded={isWhole}>
            {isWhole ? "Show less" : `Show ${count(rest)} more letters`}
          </button>
        </>
      )}
    </p>
  )
}
