/** A row of a table in full, in a dialog. */
import { useEffect, useRef } from "react"
import * as Api from "../api.ts"
import { count } from "../format.ts"
import { Copy, Loading } from "./basic.tsx"
import { cell, plainCell } from "./tableCell.ts"

/** A row with uncut values. */
export const WholeRow = ({
  close,
  columns,
  digest,
  index
}: {
  readonly digest: string
  readonly index: number
  readonly columns: Api.TableView["columns"]
  readonly close: () => void
}) => {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal()
  }, [])
  const result = Api.useQuery(`row ${digest} ${index}`, (signal) =>
    Api.table(digest, { offset: index, limit: 1, cut: 200_000 }, signal)
  )
  const row = result.data?.values[0]
  return (
    <dialog ref={dialog} onClose={close} className="whole-row" aria-label={`Row ${index}`}>
      <header>
        <h2>Row {count(index)}</h2>
        <button type="button" className="quiet" onClick={close} aria-label="Close">
          ✕
        </button>
      </header>
      {row === undefined ? (
        <Loading what="the row" />
      ) : (
        <dl className="pairs">
          {columns.map(({ name }, i) => (
            <div key={name} className="pair">
              <dt>{name}</dt>
              <dd className="mono">
                {typeof row[i] === "object" && row[i] !== null ? JSON.stringify(row[i], null, 2) : cell(row[i])}{" "}
                <Copy text={plainCell(row[i])} label={`Copy ${name}`} />
              </dd>
            </div>
          ))}
        </dl>
      )}
    </dialog>
  )
}
