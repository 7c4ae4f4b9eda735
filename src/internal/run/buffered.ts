/** What a run has to record and need not wait for: log lines, points of metrics, cards, and tasks that were taken over. */
import type { CardRecord, LogRecord, MetricRecord } from "../../RunRecord.ts"
import type { Change } from "../../RunStore.ts"

/** A change of a task. */
export type TaskChange = Extract<Change, { readonly _tag: "Task" }>

/** Changes that wait for the next write. */
export class Buffered {
  lines: Array<LogRecord> = []
  points: Array<MetricRecord> = []
  takenOver: Array<TaskChange> = []
  #cards: Map<string, Change> | undefined

  /** Keeps a task's card, in place of the one before. */
  addCard(card: CardRecord, bytes: Uint8Array | undefined): void {
    this.#cards ??= new Map()
    const blob = bytes === undefined ? undefined : { blob: { digest: card.digest, bytes } }
    this.#cards.set(card.task, { _tag: "Card", card, ...blob })
  }

  get isEmpty(): boolean {
    return (
      this.takenOver.length === 0 && this.#cards === undefined && this.lines.length === 0 && this.points.length === 0
    )
  }

  /** Takes all changes out, in the order in which they are written. */
  take(): Array<Change> {
    if (this.isEmpty) return []
    const changes: Array<Change> = [...this.takenOver, ...(this.#cards?.values() ?? [])]
    if (this.lines.length > 0) changes.push({ _tag: "Logs", lines: this.lines })
    if (this.points.length > 0) changes.push({ _tag: "Metrics", points: this.points })
    if (this.takenOver.length > 0) this.takenOver = []
    if (this.lines.length > 0) this.lines = []
    if (this.points.length > 0) this.points = []
    this.#cards = undefined
    return changes
  }

  /** Puts a change back that could not be written. Newer ones stay after it, or in its place. */
  putBack(change: Change): void {
    if (change._tag === "Logs") this.lines = [...change.lines, ...this.lines]
    if (change._tag === "Metrics") this.points = [...change.points, ...this.points]
    if (change._tag === "Task" && change.task.how !== "executed") this.takenOver.push(change)
    if (change._tag !== "Card" || this.#cards?.has(change.card.task) === true) return
    this.#cards ??= new Map()
    this.#cards.set(change.card.task, change)
  }
}
