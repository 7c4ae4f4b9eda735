/**
 * How many tasks ran at once, from the exact times of their attempts. What is drawn are the highest levels in the columns
 * of a display; the highest level as a number never depends on a display.
 */
import type { TaskView } from "../../internal/server/shapes.ts"

type Timed = Pick<TaskView, "attempts" | "startedAt" | "status"> & Partial<Pick<TaskView, "finishedAt">>

/** A level that holds from a time until the next one's. `peak` counts what started and ended at that very time, too. */
interface Level {
  readonly at: number
  readonly level: number
  readonly peak: number
}

/**
 * When a task was executing: its attempts, without the time that it waited for its place or for its next attempt. A task
 * without an attempt never had a place, or was taken over or found in the cache.
 */
const intervalsOf = (task: Timed, now: number): ReadonlyArray<readonly [from: number, to: number]> => {
  const last = task.attempts.length - 1
  return task.attempts.map(({ finishedAt, startedAt }, i) => [
    Math.max(task.startedAt, startedAt),
    // A task that succeeded ended with its last attempt.
    (i === last && task.status === "succeeded" ? task.finishedAt : finishedAt) ?? now
  ])
}

/** The levels in the order of time. An interval that ends where another begins does not overlap it. */
const levelsOf = (tasks: ReadonlyArray<Timed>, now: number): ReadonlyArray<Level> => {
  const changes = new Map<number, { started: number; ended: number; instants: number }>()
  const changeAt = (at: number) => {
    const change = changes.get(at)
    if (change !== undefined) return change
    const first = { started: 0, ended: 0, instants: 0 }
    changes.set(at, first)
    return first
  }
  for (const task of tasks) {
    for (const [from, to] of intervalsOf(task, now)) {
      if (to <= from) {
        changeAt(from).instants++
        continue
      }
      changeAt(from).started++
      changeAt(to).ended++
    }
  }
  let level = 0
  return [...changes]
    .sort(([a], [b]) => a - b)
    .map(([at, { ended, instants, started }]) => {
      level += started - ended
      // Of the tasks that took less than the clock can tell, one at a time certainly ran.
      return { at, level, peak: Math.max(level, instants > 0 ? level - started + 1 : 0) }
    })
}

/** The highest number of tasks that ran at once. */
export const highest = (tasks: ReadonlyArray<Timed>, now: number): number =>
  levelsOf(tasks, now).reduce((most, { peak }) => Math.max(most, peak), 0)

/** The highest number of tasks that ran at once in each of `bins` equal parts of the time between `from` and `to`. */
export const concurrency = (
  tasks: ReadonlyArray<Timed>,
  from: number,
  to: number,
  now: number,
  bins: number
): ReadonlyArray<number> => {
  const width = (to - from) / bins
  if (!(width > 0)) return []
  const tops = new Array<number>(bins).fill(0)
  const levels = levelsOf(tasks, now)
  for (let i = 0; i < levels.length; i++) {
    const { at, level, peak } = levels[i] as Level // within bounds
    const end = levels[i + 1]?.at ?? at
    const first = Math.floor((at - from) / width)
    if (first >= 0 && first < bins) tops[first] = Math.max(tops[first] ?? 0, peak)
    // A level that ends where a part begins is not in that part.
    const last = Math.min(bins - 1, Math.ceil((end - from) / width) - 1)
    for (let bin = Math.max(0, first); bin <= last; bin++) tops[bin] = Math.max(tops[bin] ?? 0, level)
  }
  return tops
}
