/**
 * Steps as interpreters see them: from a step's options its definition, and from a definition the function that gives its
 * tasks.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { hasProperty } from "effect/Predicate"
import type * as Schema from "effect/Schema"
import type * as Artifact from "../../Artifact.ts"
import { CurrentRun } from "../../CurrentRun.ts"
import * as Checked from "../checked.ts"
import * as Definition from "../run/definition.ts"
import { type Made, mark } from "../run/runScope.ts"

/** A step, as far as its definition goes. */
interface Defined {
  readonly [Definition.definition]: Definition.Definition
}

/** A branch of a join: a step, or a list of one step's states. */
type Branch = Defined | { readonly many: Defined }

const isMany = (branch: Branch): branch is Extract<Branch, { readonly many: Defined }> => "many" in branch

/** The options of a step, whatever its types. */
export interface ErasedOptions {
  readonly description?: string
  readonly input?: Artifact.Fields
  readonly output?: Artifact.Fields
  readonly error?: Schema.Top
  readonly version?: string
  readonly retry?: object
  readonly timeout?: Duration.Input
  readonly cache?: { readonly version: string }
  readonly runsOn?: "thread" | "fiber"
  readonly layer?: false
  readonly run: (...values: ReadonlyArray<never>) => unknown
}

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null

/** What a step is to interpreters. Refuses names and schemas that can't be stored. */
export const define = (
  name: string,
  options: ErasedOptions,
  branches: { readonly [name: string]: Branch } | undefined
): Definition.Definition => {
  Definition.checkName("a step", name)
  const { cache, layer, version } = Checked.expect(
    `The options of step "${name}"`,
    options,
    isObject(options),
    "an object"
  )
  const called = (option: string) => `\`${option}\` of step "${name}"`
  Checked.expect(called("run"), options.run, typeof options.run === "function", "a function that returns an Effect")
  Checked.expect(called("version"), version, version === undefined || typeof version === "string", "a string")
  Checked.expect(called("layer"), layer, layer === undefined || layer === false, "false, or left out")
  const isCache = cache === undefined || (isObject(cache) && typeof cache.version === "string")
  Checked.expect(called("cache"), cache, isCache, 'an object with a string as its version, such as { version: "1" }')
  for (const [branch, of] of Object.entries(branches ?? {})) {
    Definition.checkName(`a branch of step "${name}"`, branch)
    const isBranch = Definition.isStep(of) || (hasProperty(of, "many") && Definition.isStep(of.many))
    Checked.expect(`Branch "${branch}" of step "${name}"`, of, isBranch, "a step, or Step.many(step)")
  }
  return {
    name,
    description: options.description,
    input: Definition.slots(`step "${name}"`, "input", options.input),
    output: Definition.slots(`step "${name}"`, "output", options.output),
    branches:
      branches &&
      Object.fromEntries(
        Object.entries(branches).map(([branch, of]) => [
          branch,
          isMany(of)
            ? { definition: Definition.of(of.many), many: true }
            : { definition: Definition.of(of), many: false }
        ])
      ),
    error: Definition.checkedError(`step "${name}"`, options.error),
    version: version ?? "",
    cache,
    retry: Definition.retryOptions(name, options.retry),
    timeoutMs: Checked.durationMs(called("timeout"), options.timeout),
    runsOn: Checked.word(called("runsOn"), options.runsOn, ["thread", "fiber"]),
    layer,
    run: options.run as Definition.Definition["run"] // a body yields an effect
  }
}

/** Notes in the run whose body makes a task that it did; nothing outside of a body. */
const noteMade = (definition: Definition.Definition): Made | undefined => {
  const fiber = Fiber.getCurrent()
  const run = fiber === undefined ? undefined : Context.getOrUndefined(fiber.context, CurrentRun)
  return run?.noteMade?.(definition)
}

/** The function that gives a step's tasks. A join's takes its branches first. */
export const fromDefinition = (definition: Definition.Definition) =>
  Object.assign(
    (first?: object, second?: object) => {
      const note = noteMade(definition)
      const task = Effect.flatMap(CurrentRun, (run) => {
        note?.start()
        return definition.branches === undefined
          ? run.task(definition, first, undefined)
          : run.task(definition, second, first as { readonly [branch: string]: unknown }) // a join's first argument
      })
      if (note !== undefined) mark(task, note)
      return task
    },
    { stepName: definition.name, [Definition.definition]: definition }
  )
