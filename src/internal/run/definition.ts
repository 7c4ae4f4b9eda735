/** Definitions of steps and flows without their types, as all interpreters (run, plan, worker) read them. */
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { hasProperty } from "effect/Predicate"
import type * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import * as Artifact from "../../Artifact.ts"
import { FlowError } from "../../FlowError.ts"
import type { TaskRecord } from "../../RunRecord.ts"
import * as Checked from "../checked.ts"
import { type Problem, problemOf } from "../schema/schemaTraits.ts"

/** @internal */
export const definition: unique symbol = Symbol.for("effect-flow/Step/definition")

/** A declared name with the artifact that its values are stored as. */
export interface Slot {
  readonly name: string
  readonly artifact: Artifact.Artifact<unknown>
}

/** When to make another attempt. */
export interface RetryOptions {
  readonly schedule?: Schedule.Schedule<unknown, any, unknown> | undefined
  readonly times?: number | undefined
  readonly while?: ((error: any) => boolean) | undefined
}

/** A branch of a join: the state of one of the step's tasks, or the states of many. */
export interface Branch {
  readonly definition: Definition
  readonly many: boolean
}

/** A step as interpreters read it. */
export interface Definition {
  readonly name: string
  readonly description: string | undefined
  readonly input: ReadonlyArray<Slot>
  readonly output: ReadonlyArray<Slot>
  /** For a join. */
  readonly branches: { readonly [name: string]: Branch } | undefined
  readonly error: Schema.Top | undefined
  readonly version: string
  readonly cache: { readonly version: string } | undefined
  readonly retry: RetryOptions | undefined
  readonly timeoutMs: number | undefined
  readonly runsOn: "thread" | "fiber" | undefined
  /** `false` if the body uses nothing of the flow's own layer, and does not wait for it. */
  readonly layer: false | undefined
  /** `(input)` for a step, `(states, input)` for a join. */
  readonly run: (...values: ReadonlyArray<never>) => Effect.Effect<unknown, unknown, unknown>
  /** In a test: the step that this one stands in for, under its name. */
  readonly replaces?: Definition
}

/** A flow as interpreters read it. `Flow.Flow` adds the public types. */
export interface FlowDefinition {
  readonly flowName: string
  readonly description: string | undefined
  readonly parameters: { readonly [name: string]: Schema.Codec<any, any> }
  /** Schemas for parts of the flow's output that plain JSON can't represent. */
  readonly output: { readonly [name: string]: Artifact.StorableSchema } | undefined
  readonly layer: Layer.Layer<any, any, any> | undefined
  readonly body: (parameters: never) => Effect.Effect<unknown, unknown, unknown>
  /** Its steps, by name. */
  readonly definitions: ReadonlyMap<string, Definition>
  /** In a test: the flows that `Flow.call` runs instead of others. */
  readonly replacements?: ReadonlyMap<FlowDefinition, FlowDefinition>
}

/** Whether a value is a step or a join. Callers in JavaScript may give anything. */
export const isStep = (given: unknown): given is { readonly [definition]: Definition } => hasProperty(given, definition)

/** The definition behind a step. */
export const of = (step: { readonly [definition]: Definition }): Definition => step[definition]

/**
 * The definition that a flow executes for a step: the step itself, or a test's replacement. `undefined` if the flow
 * does not list the step.
 */
export const listed = (definitions: ReadonlyMap<string, Definition>, called: Definition): Definition | undefined => {
  const own = definitions.get(called.name)
  return own === called || own?.replaces === called ? own : undefined
}

/** Refuses a value that is neither left out nor an object of schemas by name. Each schema is looked at where it is used. */
export const checkFields = (option: string, fields: unknown): void => {
  if (fields !== undefined)
    Checked.things(option, fields, "an object of schemas by name, such as { count: Schema.Int }")
}

/** The slots of declared fields, in the order of their names, which is the order of everything that is hashed. */
export const slots = (owner: string, kind: "input" | "output", fields: Artifact.Fields = {}): ReadonlyArray<Slot> => {
  checkFields(`\`${kind}\` of ${owner}`, fields)
  return Object.keys(fields)
    .sort()
    .map((name) => {
      checkName(`a field of ${owner}`, name)
      const field = fields[name] as Artifact.Field // `name` is a key of `fields`
      const isArtifact = Artifact.isArtifact(field)
      refuseProblem(`The ${kind} of ${owner}`, name, isArtifact ? field.problem?.() : problemOf(field))
      return { name, artifact: (isArtifact ? field : Artifact.json(field)) as Artifact.Artifact<unknown> } // erased: values are matched by name
    })
}

/** Refuses declarations of values that can't be stored, and of secrets. */
export const refuseProblem = (subject: string, name: string | undefined, problem: Problem | undefined): void => {
  if (problem === undefined) return
  const place = [...(name === undefined ? [] : [name]), ...problem.path].map(String).join(".")
  throw new FlowError({
    reason: problem.isSecret ? "secret" : "schema",
    message: `${subject} can't be stored: ${place === "" ? "it" : `"${place}"`} ${problem.message}.`
  })
}

/** The schema of a step's errors. Errors are recorded, so they must not contain secrets. */
export const checkedError = (owner: string, error: Schema.Top | undefined): Schema.Top | undefined => {
  const problem = error === undefined ? undefined : problemOf(error)
  if (problem?.isSecret === true || error?.ast === undefined) refuseProblem(`The error of ${owner}`, undefined, problem)
  return error
}

/** Refuses a name that could not stand in a path, a URL, or between the dots of `branch.3.name`. */
export const checkName = (subject: string, name: string): void => {
  const detail = name === "__proto__" ? "JavaScript keeps this name for itself." : undefined
  if (detail !== undefined || !/^[\p{L}_][\p{L}\p{N}_-]*$/u.test(name)) {
    throw new FlowError({
      reason: "name",
      message: `${JSON.stringify(name)} can't name ${subject}: ${detail ?? 'a name starts with a letter or "_" and has only letters, digits, "_" and "-".'}`
    })
  }
}

/** A schedule, or options around one. */
export const retryOptions = (step: string, retry: object | undefined): RetryOptions | undefined => {
  if (retry === undefined) return undefined
  if (hasProperty(retry, "~effect/Schedule")) return { schedule: retry as never } // recognized by its type id
  const wanted =
    'a Schedule, or an object such as { times: 3 } or { schedule: Schedule.exponential("1 second"), times: 3 }'
  Checked.expect(`\`retry\` of step "${step}"`, retry, typeof retry === "object" && retry !== null, wanted)
  const options: RetryOptions = retry
  const { schedule, while: holds } = options
  const isSchedule = schedule === undefined || hasProperty(schedule, "~effect/Schedule")
  Checked.expect(`\`retry.schedule\` of step "${step}"`, schedule, isSchedule, "a Schedule")
  const isFunction = holds === undefined || typeof holds === "function"
  Checked.expect(`\`retry.while\` of step "${step}"`, holds, isFunction, "a function")
  Checked.wholeNumber(`\`retry.times\` of step "${step}"`, options.times, 0)
  return options
}

/** Whether the outputs of an earlier task match the step's current declaration. */
export const fits = (definition: Definition, task: TaskRecord): boolean =>
  definition.output.length === task.outputs.length &&
  definition.output.every((slot) =>
    task.outputs.some((output) => output.name === slot.name && output.schema === slot.artifact.description().digest)
  )
