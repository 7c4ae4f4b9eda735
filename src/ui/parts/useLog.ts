/** Loads the lines of a task or of a whole run, and what is added to them. */
import { useCallback, useEffect, useRef, useState } from "react"
import * as Api from "../api.ts"
import { onConnected } from "../live.ts"
import { linesLimit } from "../model/log.ts"

const page = 10_000

/**
 * The lines of a task or of a whole run, loaded once the log is shown (`active`). They are pushed onto one list, and
 * `version` counts the changes.
 */
export const useLog = (run: string, task: string | undefined, active: boolean) => {
  const lines = useRef<Array<Api.LogView>>([])
  const [state, setState] = useState<{ version: number; complete: boolean; error?: Api.ApiError }>({
    version: 0,
    complete: false
  })
  const busy = useRef(false)
  const again = useRef(false)

  const load = useCallback(async () => {
    if (!active) return
    if (busy.current) {
      again.current = true
      return
    }
    busy.current = true
    try {
      do {
        again.current = false
        for (;;) {
          if (lines.current.length >= linesLimit) break
          const after = lines.current.at(-1)?.sequence
          const answer = await Api.logs(run, { task, after, limit: page })
          for (const line of answer.lines) lines.current.push(line)
          const complete = answer.next === undefined
          if (answer.lines.length > 0 || complete) setState((before) => ({ version: before.version + 1, complete }))
          if (complete) break
        }
      } while (again.current)
    } catch (cause) {
      if (cause instanceof Api.ApiError && cause.status !== 0) setState((before) => ({ ...before, error: cause }))
    } finally {
      busy.current = false
    }
  }, [run, task, active])

  useEffect(() => {
    void load()
    return onConnected(() => void load())
  }, [load])

  /** Handles a live event: reloads if it concerns this log. */
  const hear = useCallback(
    (tasks: ReadonlyArray<string>) => {
      if (task === undefined || tasks.includes(task)) void load()
    },
    [load, task]
  )
  return { lines: lines.current, ...state, hear, reload: load }
}

/** The lines, and whether all of them are loaded. */
export type LogState = ReturnType<typeof useLog>
