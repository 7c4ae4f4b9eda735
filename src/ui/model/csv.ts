/** Reads CSV: quoted cells, doubled quotes, and the delimiter that the first line has most of. */

/** The rows of a text, at most `limit`. */
export const parse = (text: string, limit: number): ReadonlyArray<ReadonlyArray<string>> => {
  const head = text.slice(0, text.indexOf("\n") === -1 ? text.length : text.indexOf("\n"))
  const countOf = (letter: string) => head.split(letter).length
  const delimiter = [",", ";", "\t"].reduce((best, one) => (countOf(one) > countOf(best) ? one : best))
  const rows: Array<ReadonlyArray<string>> = []
  let row: Array<string> = []
  let cell = ""
  let isQuoted = false
  const endRow = () => {
    row.push(cell)
    rows.push(row)
    row = []
    cell = ""
  }
  for (let i = 0; i < text.length && rows.length < limit; i++) {
    const letter = text[i]
    if (isQuoted) {
      if (letter !== '"') cell += letter
      else if (text[i + 1] === '"') {
        cell += '"'
        i++
      } else isQuoted = false
    } else if (letter === '"' && cell === "") isQuoted = true
    else if (letter === delimiter) {
      row.push(cell)
      cell = ""
    } else if (letter === "\n") endRow()
    else if (letter !== "\r") cell += letter
  }
  if (rows.length < limit && (cell !== "" || row.length > 0)) endRow()
  return rows
}
