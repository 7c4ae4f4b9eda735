/** The dialog that lists keyboard shortcuts. */
import { useEffect, useRef } from "react"

const groups: ReadonlyArray<{ readonly title: string; readonly keys: ReadonlyArray<readonly [string, string]> }> = [
  {
    title: "Everywhere",
    keys: [
      ["/", "jump to a run, task or artifact"],
      ["Ctrl K", "command palette"],
      ["r", "the runs"],
      ["t", "theme: system, light, dark"],
      ["?", "this list"],
      ["Esc", "close a dialog or leave a field"]
    ]
  },
  {
    title: "Runs",
    keys: [
      ["↑ ↓ or k j", "previous, next run"],
      ["Enter", "open it"],
      ["x", "select the run for a comparison"],
      ["c", "compare the two selected"],
      ["f", "filter"]
    ]
  },
  {
    title: "A run",
    keys: [
      ["↑ ↓ or k j", "previous, next task in the waterfall"],
      ["Enter", "open it"],
      ["o", "open or close its step"],
      ["+ − 0", "zoom in, out, to fit"],
      ["← →", "move in time"],
      ["1 2 3 4", "overview, log, metrics, cards"],
      ["← →", "on a tab: the tab before, after"]
    ]
  },
  {
    title: "A log",
    keys: [
      ["s", "search"],
      ["n N", "next, previous match"],
      ["End", "follow new lines"]
    ]
  }
]

export const Help = ({ close, open }: { readonly open: boolean; readonly close: () => void }) => {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (open) dialog.current?.showModal()
    else dialog.current?.close()
  }, [open])
  return (
    <dialog ref={dialog} onClose={close} className="help" aria-label="Keys">
      <header>
        <h2>Keys</h2>
        <button type="button" className="quiet" onClick={close} aria-label="Close">
          ✕
        </button>
      </header>
      <div className="help-groups">
        {groups.map(({ keys, title }) => (
          <div key={title}>
            <h3>{title}</h3>
            <dl>
              {keys.map(([key, does]) => (
                <div key={does}>
                  <dt>
                    <kbd>{key}</kbd>
                  </dt>
                  <dd>{does}</dd>
                </div>
              ))}
            </dl>
          </div>
        ))}
      </div>
    </dialog>
  )
}
