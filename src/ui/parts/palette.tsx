/** The command palette: finds any place and any action of the page. */
import { useEffect, useRef } from "react"
import { type Choice, PlaceField } from "./places.tsx"

export const Palette = ({
  actions,
  close,
  open
}: {
  readonly open: boolean
  readonly close: () => void
  readonly actions: ReadonlyArray<Choice>
}) => {
  const dialog = useRef<HTMLDialogElement>(null)
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (open) {
      dialog.current?.showModal()
      field.current?.focus()
    } else dialog.current?.close()
  }, [open])
  return (
    <dialog ref={dialog} onClose={close} className="palette" aria-label="Command palette">
      {open ? (
        <PlaceField
          input={field}
          actions={actions}
          done={close}
          label="Find a place or an action"
          placeholder="A run's id, a flow, a tag, a step, an artifact, or an action"
        />
      ) : null}
    </dialog>
  )
}
