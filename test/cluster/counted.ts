/** What the tasks of `CountedFlow` wrote down, for the tests that kill things. */
import { readFileSync } from "node:fs"
import * as Digest from "../../src/internal/schema/digest.ts"
import type { TaskRecord } from "../../src/RunRecord.ts"

/** The beginning of a task's body. */
export interface Beginning {
  readonly pid: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** For each task, by its number, the beginnings of its body. */
export const timedBeginnings = (file: string): ReadonlyMap<number, ReadonlyArray<Beginning>> => {
  const begun = new Map<number, Array<Beginning>>()
  for (const line of readFileSync(file, "utf8").trim().split("\n")) {
    const [what, index, pid, at] = line.split(" ")
    if (what !== "begin") continue
    begun.set(Number(index), [...(begun.get(Number(index)) ?? []), { pid: Number(pid), at: Number(at) }])
  }
  return begun
}

/** For each task, by its number, the processes that began it. */
export const beginnings = (file: string): ReadonlyMap<number, ReadonlyArray<number>> =>
  new Map([...timedBeginnings(file)].map(([index, begun]) => [index, begun.map(({ pid }) => pid)]))

const digests = new Map(
  Array.from({ length: 1000 }, (_, index) => [Digest.ofChunks([new TextEncoder().encode(String(index))]), index])
)

/** The number that a task was given, or none for the join. */
export const indexOf = (task: TaskRecord): number | undefined =>
  digests.get(task.inputs.find(({ name }) => name === "index")?.digest ?? "")
