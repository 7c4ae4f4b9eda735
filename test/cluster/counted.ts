/** What the tasks of `CountedFlow` wrote down, for the tests that kill things. */
import { readFileSync } from "node:fs"
import * as Digest from "../../src/internal/schema/digest.ts"
import type { TaskRecord } from "../../src/RunRecord.ts"

/** For each task, by its number, the processes that began it. */
export const beginnings = (file: string): ReadonlyMap<number, ReadonlyArray<number>> => {
  const begun = new Map<number, Array<number>>()
  for (const line of readFileSync(file, "utf8").trim().split("\n")) {
    const [what, index, pid] = line.split(" ")
    if (what === "begin") begun.set(Number(index), [...(begun.get(Number(index)) ?? []), Number(pid)])
  }
  return begun
}

const digests = new Map(
  Array.from({ length: 1000 }, (_, index) => [Digest.ofChunks([new TextEncoder().encode(String(index))]), index])
)

/** The number that a task was given, or none for the join. */
export const indexOf = (task: TaskRecord): number | undefined =>
  digests.get(task.inputs.find(({ name }) => name === "index")?.digest ?? "")
