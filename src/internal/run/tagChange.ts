/**
 * Changes the tags of a run: the only place that does. A change is written as a difference, so that it does not undo what
 * others change at the same time: a user with the verb `tag`, while a step of the run adds tags of its own.
 */
import * as Effect from "effect/Effect"
import type { Change, RunStore, StoreError } from "../../RunStore.ts"
import * as Tags from "../../Tags.ts"

/**
 * Reads a run's tags, changes them and writes the difference. Yields all tags of the run after the change, sorted.
 *
 * @param save How the difference is written. Default: to the store. A run's driver passes its recorder's `write`.
 */
export const write = Effect.fnUntraced(function* (
  store: RunStore["Service"],
  run: string,
  change: Tags.Change,
  save: (changes: ReadonlyArray<Change>) => Effect.Effect<void, StoreError> = store.write
) {
  const [record] = yield* store.runs({ id: run })
  const before = record?.id === run ? record.tags : []
  const tags = yield* Tags.change(before, change)
  const add = tags.filter((tag) => !before.includes(tag))
  const remove = before.filter((tag) => !tags.includes(tag))
  if (add.length + remove.length > 0) yield* save([{ _tag: "Tags", run, add, remove }])
  return tags
})
