/** A field that finds places while one types, with a list that is gone through by the arrow keys. */
import { type KeyboardEvent, type Ref, useEffect, useId, useMemo, useState } from "react"
import * as Api from "../api.ts"
import { navigate } from "../router.ts"
import { Failure } from "./basic.tsx"

/** Something that can be picked: a place, or an action of the page. */
export interface Choice {
  readonly kind: string
  readonly text: string
  readonly detail: string
  readonly act: () => void
}

const useTyped = (text: string, delayMs: number): string => {
  const [typed, setTyped] = useState(text)
  useEffect(() => {
    const timer = setTimeout(() => setTyped(text), delayMs)
    return () => clearTimeout(timer)
  }, [text, delayMs])
  return typed
}

export const PlaceField = ({
  actions,
  done,
  input,
  label,
  placeholder
}: {
  /** Actions that are offered besides places. */
  readonly actions: ReadonlyArray<Choice>
  /** Called after something was picked, or the field was left by Escape. */
  readonly done: () => void
  readonly input?: Ref<HTMLInputElement>
  readonly label: string
  readonly placeholder: string
}) => {
  const [text, setText] = useState("")
  const [at, setAt] = useState(-1)
  const [isOpen, setOpen] = useState(false)
  const [error, setError] = useState<Api.ApiError>()
  const id = useId()
  const typed = useTyped(text.trim(), 120)
  const answer = Api.useQuery(
    typed === "" || typed.includes("/") ? undefined : `search ${typed}`,
    (signal) => Api.search(typed, signal),
    { isKept: false }
  )
  const choices = useMemo((): ReadonlyArray<Choice> => {
    const wanted = text.trim().toLowerCase()
    const matching = actions.filter((action) => action.text.toLowerCase().includes(wanted))
    const places = wanted === "" ? [] : (answer.data ?? [])
    return [
      ...places.map(({ detail, kind, text, url }) => ({ detail, kind, text, act: () => navigate(url) })),
      ...matching
    ]
  }, [actions, answer.data, text])
  const leave = () => {
    setText("")
    setAt(-1)
    setOpen(false)
    setError(undefined)
    done()
  }
  const pick = (choice: Choice) => {
    leave()
    choice.act()
  }
  const submit = async () => {
    const picked = choices[at]
    if (picked !== undefined) return pick(picked)
    const path = text.trim()
    if (path === "") return
    try {
      const { url } = await Api.find(path)
      leave()
      navigate(url)
    } catch (cause) {
      // A text that names no run may still name something else.
      const [first] = path.includes("/") ? [] : await Api.search(path).catch(() => [])
      if (first !== undefined) {
        leave()
        navigate(first.url)
      } else setError(cause instanceof Api.ApiError ? cause : new Api.ApiError(String(cause), 0))
    }
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      leave()
      return
    }
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0
    if (by === 0 || choices.length === 0) return
    event.preventDefault()
    setOpen(true)
    setAt((before) => (before + by + choices.length + (before < 0 && by < 0 ? 1 : 0)) % choices.length)
  }
  const isShown = isOpen && choices.length > 0 && error === undefined
  return (
    <form
      className="places"
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        void submit()
      }}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) setOpen(false)
      }}
    >
      <input
        ref={input}
        name="path"
        role="combobox"
        aria-label={label}
        aria-expanded={isShown}
        aria-controls={isShown ? id : undefined}
        aria-activedescendant={isShown && at >= 0 ? `${id}-${at}` : undefined}
        aria-autocomplete="list"
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
        value={text}
        onFocus={() => setOpen(true)}
        onChange={(event) => {
          setText(event.target.value)
          setAt(-1)
          setOpen(true)
          setError(undefined)
        }}
        onKeyDown={onKeyDown}
      />
      {isShown ? (
        <div id={id} role="listbox" aria-label="Places" className="place-list">
          {choices.map((choice, i) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the field handles the keys of its list
            <div
              // biome-ignore lint/suspicious/noArrayIndexKey: places have no other identity than their order
              key={i}
              id={`${id}-${i}`}
              role="option"
              aria-selected={i === at}
              tabIndex={-1}
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => pick(choice)}
            >
              <span className="badge">{choice.kind}</span>
              <span className="place-text">{choice.text}</span>
              <span className="muted">{choice.detail}</span>
            </div>
          ))}
        </div>
      ) : null}
      {error === undefined ? null : (
        <div className="jump-error">
          <Failure error={error} />
        </div>
      )}
    </form>
  )
}
