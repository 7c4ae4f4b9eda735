/** Adds, removes and replaces tags of a run, running or not. */
import * as Effect from "effect/Effect"
import { RunStore, type StoreError } from "../../RunStore.ts"
import type * as Tags from "../../Tags.ts"
import * as TagChange from "../run/tagChange.ts"
import { get, type Named, type RunNotFound } from "./runs.ts"

const applyChange = Effect.fnUntraced(function* (
  run: Named,
  change: Tags.Change
): Effect.fn.Return<ReadonlyArray<string>, RunNotFound | Tags.TagError | StoreError, RunStore> {
  const { id } = yield* get(typeof run === "string" ? run : run.id)
  return yield* TagChange.write(yield* RunStore, id, change)
})

/**
 * Adds tags to a run. Yields all of its tags afterwards, sorted. Fails with `TagError` if one is not a valid tag, or if
 * the run would have too many.
 *
 * @example
 * ```ts
 * yield* Run.addTags("latest", ["reviewed"])
 * ```
 */
export const addTags = (run: Named, tags: ReadonlyArray<string>) => applyChange(run, { add: tags })

/**
 * Removes tags from a run. Yields the tags that remain, sorted. Fails with `RunNotFound` or `StoreError`.
 *
 * @example
 * ```ts
 * yield* Run.removeTags("latest", ["reviewed"])
 * ```
 */
export const removeTags = (run: Named, tags: ReadonlyArray<string>) => applyChange(run, { remove: tags })

/**
 * Replaces all tags of a run. Yields the new ones, sorted. Fails with `TagError` if one is not valid or there are too many.
 *
 * @example
 * ```ts
 * yield* Run.replaceTags("latest", ["reviewed", "release"])
 * ```
 */
export const replaceTags = (run: Named, tags: ReadonlyArray<string>) => applyChange(run, { replace: tags })
