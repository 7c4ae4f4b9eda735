/**
 * Metaflow's `merge_artifacts` on refs: no artifact is read, digests decide. The result is the merged refs and an effect
 * of them at once, so that `Step.merge(…).df` and `yield* Step.merge(…)` both work.
 */
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Schema from "effect/Schema"
import { isRef, type Ref } from "../../Ref.ts"
import * as State from "../../State.ts"
import * as Checked from "../checked.ts"
import { identity, via } from "./refs.ts"

/** Artifacts that differ between branches, so that none can be chosen. */
export class MergeConflict extends Schema.TaggedError<MergeConflict>()("MergeConflict", {
  conflicts: Schema.Array(Schema.Struct({ name: Schema.String, branches: Schema.Array(Schema.String) })),
  message: Schema.String
}) {}

type States = { readonly [branch: string]: { readonly [name: string]: unknown } }

class Merged extends Effectable.Class<State.Any, MergeConflict> {
  readonly #result: Effect.Effect<State.Any, MergeConflict>
  constructor(result: Effect.Effect<State.Any, MergeConflict>) {
    super()
    this.#result = result
  }
  override asEffect() {
    return this.#result
  }
}

/** Refuses states that are none, which would be merged into a state with nothing in it. */
const refuseOthers = (states: unknown, resolve: unknown): void => {
  // A list is one by its indices, as in `Step.merge(yield* Effect.all([left, right]))`.
  const areStates = typeof states === "object" && states !== null && !Effect.isEffect(states)
  Checked.expect("The first argument of Step.merge", states, areStates, "an object of states by branch")
  for (const [branch, state] of Object.entries(states as object)) {
    const isState = typeof state === "object" && state !== null && !isRef(state) && !isTask(state)
    Checked.expect(`"${branch}", which Step.merge got,`, state, isState, "the state of a task that has run")
  }
  const isResolved = Checked.isPlainObject(resolve)
  Checked.expect(
    "The second argument of Step.merge",
    resolve,
    isResolved,
    "an object that names a branch for each name in conflict"
  )
  for (const [name, branch] of Object.entries(resolve as object)) {
    const isBranch = typeof branch === "string" && Object.hasOwn(states as object, branch)
    const wanted = `the name of a branch that Step.merge got (${Object.keys(states as object).join(", ")})`
    Checked.expect(`The branch for "${name}"`, branch, isBranch, wanted)
  }
}

/** A task that has not run. The result of `Step.merge` is an effect, too, but has what a state has. */
const isTask = (given: object): boolean => Effect.isEffect(given) && !(given instanceof Merged)

/** Merges states. `resolve` selects the branch for a name. */
export const merge = (
  states: States,
  resolve: { readonly [name: string]: string }
): Effect.Effect<State.Any, MergeConflict> => {
  refuseOthers(states, resolve)
  const candidatesByName = new Map<string, Array<{ readonly branch: string; readonly ref: Ref<unknown> }>>()
  const tasks = new Set<string>()
  for (const [branch, state] of Object.entries(states)) {
    for (const task of State.originOf(state)?.tasks ?? []) tasks.add(task)
    for (const [name, ref] of Object.entries(state)) {
      if (!isRef(ref) || (name in resolve && resolve[name] !== branch)) continue
      const others = candidatesByName.get(name)
      if (others === undefined) candidatesByName.set(name, [{ branch, ref }])
      else others.push({ branch, ref })
    }
  }
  const refs: Record<string, Ref<unknown>> = {}
  const from: Record<string, string> = {}
  const conflicts: Array<{ readonly name: string; readonly branches: ReadonlyArray<string> }> = []
  for (const [name, candidates] of candidatesByName) {
    const [first] = candidates
    if (first === undefined) continue
    if (candidates.every(({ ref }) => identity(ref) === identity(first.ref))) {
      refs[name] = first.ref
      const task = State.originOf(states[first.branch] ?? {})?.via[name] ?? via(first.ref)
      if (task !== undefined) from[name] = task
    } else conflicts.push({ name, branches: candidates.map((candidate) => candidate.branch) })
  }
  const state = State.make(refs, { tasks: [...tasks], via: from })
  const failure = conflicts.length === 0 ? undefined : conflictError(conflicts)
  const merged = new Merged(failure === undefined ? Effect.succeed(state) : Effect.fail(failure))
  for (const [name, ref] of Object.entries(refs)) {
    Object.defineProperty(merged, name, { value: ref, enumerable: true })
  }
  for (const { name } of conflicts) {
    Object.defineProperty(merged, name, {
      enumerable: true,
      get: () => {
        throw failure
      }
    })
  }
  return Object.defineProperty(merged, State.origin, { value: { tasks: [...tasks], via: from } })
}

const conflictError = (conflicts: MergeConflict["conflicts"]) =>
  new MergeConflict({
    conflicts,
    message: `These artifacts differ between branches: ${conflicts
      .map(({ name, branches }) => `"${name}" (${branches.join(", ")})`)
      .join(
        "; "
      )}. Pass on one of them explicitly, such as states.${conflicts[0]?.branches[0]}.${conflicts[0]?.name}, and merge without it.`
  })
