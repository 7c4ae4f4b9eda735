/** How events reach the pages that show the same run, or the list of runs: what a slow page has not received is kept as one. */
import * as Latch from "effect/Latch"
import type { LiveEvent, RunView, TaskView } from "./shapes.ts"

/** The events that a page has not received yet. */
export interface Mailbox {
  readonly wake: Latch.Latch
  readonly runs: Map<string, RunView>
  readonly tasks: Map<string, TaskView>
  readonly logs: Set<string>
  readonly cards: Set<string>
  readonly removed: Set<string>
  isListShorter: boolean
  last: number
  metrics: boolean
  broken: string | undefined
}

/** The pages that show the same run, or the list of runs. */
export interface Channel {
  readonly mailboxes: Set<Mailbox>
  readonly send: (apply: (mailbox: Mailbox) => void) => void
}

/** A mailbox without events. */
export const makeMailbox = (): Mailbox => ({
  wake: Latch.makeUnsafe(),
  runs: new Map(),
  tasks: new Map(),
  logs: new Set(),
  cards: new Set(),
  removed: new Set(),
  isListShorter: false,
  last: 0,
  metrics: false,
  broken: undefined
})

/** A channel that no page listens to yet. */
export const makeChannel = (): Channel => {
  const mailboxes = new Set<Mailbox>()
  return {
    mailboxes,
    send: (apply) => {
      for (const mailbox of mailboxes) {
        apply(mailbox)
        mailbox.wake.openUnsafe()
      }
    }
  }
}

/** Takes the events out of a mailbox. */
export const drain = (mailbox: Mailbox): ReadonlyArray<LiveEvent> => {
  const events: Array<LiveEvent> = []
  mailbox.wake.closeUnsafe()
  if (mailbox.runs.size > 0) events.push({ _tag: "Runs", runs: [...mailbox.runs.values()] })
  if (mailbox.tasks.size > 0) events.push({ _tag: "Tasks", tasks: [...mailbox.tasks.values()] })
  if (mailbox.logs.size > 0) events.push({ _tag: "Logs", tasks: [...mailbox.logs], last: mailbox.last })
  if (mailbox.metrics) events.push({ _tag: "Metrics" })
  if (mailbox.cards.size > 0) events.push({ _tag: "Cards", tasks: [...mailbox.cards] })
  if (mailbox.removed.size > 0 || mailbox.isListShorter) events.push({ _tag: "Removed", runs: [...mailbox.removed] })
  if (mailbox.broken !== undefined) events.push({ _tag: "Broken", message: mailbox.broken })
  mailbox.runs.clear()
  mailbox.tasks.clear()
  mailbox.logs.clear()
  mailbox.cards.clear()
  mailbox.removed.clear()
  mailbox.isListShorter = false
  mailbox.metrics = false
  mailbox.broken = undefined
  return events
}
