/**
 * Resolves a task's inputs: a ref of stored bytes for every declared input (literals are stored on the way), in the
 * order of their names; the tasks that they come from, which are the task's parents in the graph; and the task's key.
 */
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { ArtifactError, ArtifactStore } from "../../ArtifactStore.ts"
import { FlowError } from "../../FlowError.ts"
import { isRef, type Ref } from "../../Ref.ts"
import type { RefRecord } from "../../RunRecord.ts"
import * as State from "../../State.ts"
import { descriptionsOf } from "../artifact/artifact.ts"
import { capture, type Written, writeCaptured } from "../artifact/values.ts"
import { shown } from "../checked.ts"
import * as Digest from "../schema/digest.ts"
import { allSync, mapSync } from "../schema/sync.ts"
import type { Definition, Slot } from "./definition.ts"
import { ItemRef, StoredRef, via } from "./refs.ts"
import { stateSlots } from "./taskBody.ts"
import { notTheBranch, notTheState } from "./usageErrors.ts"

/** A task's inputs. */
export interface Inputs {
  /** By their names in the task: `df`, `branch.df`, `branch.3.df`. */
  readonly refs: ReadonlyArray<{ readonly name: string; readonly ref: StoredRef<unknown> }>
  readonly counts: { readonly [branch: string]: number }
  readonly parents: ReadonlyArray<string>
  /** The bytes of literals that are not stored yet. */
  readonly blobs: ReadonlyArray<NonNullable<Written["blob"]>>
  readonly schemas: ReadonlyArray<{ readonly digest: string; readonly text: string }>
}

/** A value or ref that is passed to a task under a name. */
interface Entry {
  readonly name: string
  readonly slot: Slot
  readonly value: unknown
}

/** Resolves the arguments of a step or join: at once where all are refs and small literals. */
export const resolve = (
  store: ArtifactStore["Service"],
  definition: Definition,
  given: object | undefined,
  states: { readonly [branch: string]: unknown } | undefined
): Effect.Effect<Inputs, ArtifactError> => {
  const { counts, entries, parents } = collect(definition, given, states)
  // All literals are captured before the first is stored, because the flow may change them in the meantime.
  const captured = entries.map(({ slot, value }) =>
    value instanceof StoredRef ? undefined : capture(slot.artifact, value instanceof ItemRef ? value.value : value)
  )
  const written = entries.map(({ name, slot, value }, index) => {
    const literal = captured[index]
    if (literal === undefined) return notWritten
    const label = `input "${name}" of step "${definition.name}"`
    const writer = value instanceof ItemRef ? value.task : undefined
    return writeCaptured(store, slot.artifact, literal, slot.name, label, writer)
  })
  return mapSync(allSync<Written | undefined, ArtifactError>(written), (written) => {
    const refs: Array<{ readonly name: string; readonly ref: StoredRef<unknown> }> = []
    const blobs: Array<NonNullable<Written["blob"]>> = []
    const schemas: Array<{ readonly digest: string; readonly text: string }> = []
    for (let index = 0; index < entries.length; index++) {
      const { name, slot, value } = entries[index] as Entry // within bounds
      const literal = written[index]
      if (literal === undefined)
        refs.push({ name, ref: value as StoredRef<unknown> }) // nothing else is not written
      else {
        if (literal.blob !== undefined) blobs.push(literal.blob)
        for (const description of descriptionsOf(slot.artifact)) schemas.push(description)
        const via = value instanceof ItemRef ? value.via : undefined
        refs.push({ name, ref: new StoredRef(literal.record, slot.artifact, via) })
      }
    }
    return { refs, counts, parents: [...parents], blobs, schemas }
  })
}

const notWritten = Exit.succeed(undefined)

/** The task's arguments in the order of their names, which is the order of everything that is hashed. */
const collect = (
  definition: Definition,
  given: object | undefined,
  states: { readonly [branch: string]: unknown } | undefined
) => {
  const entries: Array<Entry> = []
  const counts: Record<string, number> = {}
  const parents = new Set<string>()
  const take = (slots: ReadonlyArray<Slot>, values: object, prefix: string) => {
    for (const slot of slots) {
      if (!(slot.name in values)) throw missing(definition, prefix + slot.name)
      entries.push({ name: prefix + slot.name, slot, value: (values as Record<string, unknown>)[slot.name] }) // the key exists
    }
    collectParents(values, parents)
  }
  if (definition.branches !== undefined) {
    for (const [name, branch] of Object.entries(definition.branches)) {
      const slots = stateSlots(branch.definition)
      const handed = states?.[name]
      if (typeof handed !== "object" || handed === null || Array.isArray(handed) !== branch.many)
        throw notTheBranch(definition.name, name, branch.many, handed)
      if (Array.isArray(handed)) {
        const list: ReadonlyArray<unknown> = handed
        counts[name] = list.length
        if (list.length === 0) collectParents(list, parents) // the task that made the empty list
        list.forEach((state, index) => {
          if (!isState(state, slots)) throw notTheState(definition.name, name, branch.definition.name, state, index)
          take(slots, state, `${name}.${index}.`)
        })
      } else if (isState(handed, slots)) take(slots, handed, `${name}.`)
      else throw notTheState(definition.name, name, branch.definition.name, handed)
    }
  }
  if (given !== undefined && typeof given !== "object") throw notAnObject(definition, given)
  if (given !== undefined || definition.input.length > 0) take(definition.input, given ?? {}, "")
  return { entries, counts, parents }
}

/** Whether a value has all that a state of the step has. */
const isState = (value: unknown, slots: ReadonlyArray<Slot>): value is object =>
  typeof value === "object" && value !== null && slots.every(({ name }) => name in value)

const missing = (definition: Definition, name: string) =>
  new FlowError({
    reason: "given",
    message: `Step "${definition.name}" was called without its input "${name}". Its inputs are: ${definition.input.map((slot) => slot.name).join(", ")}.`
  })

const notAnObject = (definition: Definition, given: unknown) => {
  const names = definition.input.map((slot) => slot.name).join(", ")
  return new FlowError({
    reason: "given",
    message: `Step "${definition.name}" takes an object of its inputs by name, but got ${shown(given)}. ${names === "" ? "It has no inputs" : `Its inputs are: ${names}`}.`
  })
}

/** Collects the tasks that arguments come from: the origin of a state, and the tasks of individual refs. */
export const collectParents = (given: object, parents: Set<string>): void => {
  const origin = State.originOf(given)
  if (origin !== undefined) {
    for (const task of origin.tasks) parents.add(task)
    return
  }
  for (const value of Object.values(given)) {
    const task = isRef(value) ? via(value as Ref<unknown>) : undefined
    if (task !== undefined) parents.add(task)
  }
}

const versionText = (declared: string, code: string) => (declared === "code" ? `code:${code}` : declared)

/** The parts of a task's key, which `why` compares. */
export const taskKey = (
  definition: Definition,
  code: string,
  refs: Inputs["refs"],
  counts: Inputs["counts"]
): string => {
  const parts = [
    definition.name,
    versionText(definition.version, code),
    versionText(definition.cache?.version ?? "", code)
  ]
  for (const { name, ref } of refs) parts.push(`${name}=${ref.digest}`)
  for (const branch of Object.keys(counts).sort()) parts.push(`${branch}#${counts[branch]}`)
  return Digest.ofTexts("effect-flow/task/1", parts)
}

/** The inputs as records, under their names in the task. */
export const records = (refs: Inputs["refs"]): ReadonlyArray<RefRecord> =>
  refs.map(({ name, ref }) => (ref.record.name === name ? ref.record : { ...ref.record, name }))
