/**
 * Executes the combinators of a flow's body: the implementation of `CurrentRun` within a run. It calls the body's
 * functions through `callback.ts`.
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type { Interpreter } from "../../CurrentRun.ts"
import { FlowError } from "../../FlowError.ts"
import { isRef, type Ref } from "../../Ref.ts"
import type { RunRecord } from "../../RunRecord.ts"
import * as State from "../../State.ts"
import { notABoolean, runEffect } from "./callback.ts"
import type { Definition, FlowDefinition } from "./definition.ts"
import * as Output from "./output.ts"
import * as Parameters from "./parameters.ts"
import { ItemRef, via } from "./refs.ts"
import * as Origin from "./resume.ts"
import type { RunContext } from "./runContext.ts"
import * as RunScope from "./runScope.ts"
import { runTask } from "./taskRunner.ts"
import * as UsageErrors from "./usageErrors.ts"

/** Runs a flow that this one calls. */
export type RunChild = (
  flow: FlowDefinition,
  parameters: object,
  start: {
    readonly parent: string
    readonly begun: RunRecord | undefined
    readonly origin?: { readonly run: RunRecord; readonly from: string | undefined }
  }
) => Effect.Effect<{ readonly id: string; readonly output: unknown }, unknown, any>

/** The interpreter of a run. */
export class RunInterpreter implements Interpreter {
  readonly id: string
  readonly flow: string
  readonly #run: RunContext
  readonly #scope: Scope.Scope
  readonly #origin: Origin.Origin | undefined
  readonly #from: string | undefined
  readonly #runChild: RunChild

  /**
   * @param scope Of the run, until after its body.
   * @param origin The run that this one resumes, from the step `from` on.
   */
  constructor(
    run: RunContext,
    scope: Scope.Scope,
    origin: Origin.Origin | undefined,
    from: string | undefined,
    runChild: RunChild
  ) {
    this.id = run.id
    this.flow = run.flow.flowName
    this.#run = run
    this.#scope = scope
    this.#origin = origin
    this.#from = from
    this.#runChild = runChild
  }

  addFinalizer(finalizer: Effect.Effect<unknown>): Effect.Effect<void> {
    return Scope.addFinalizer(this.#scope, Effect.ignoreCause(finalizer))
  }

  task(...words: Parameters<Interpreter["task"]>): ReturnType<Interpreter["task"]> {
    return runTask(this.#run, ...words)
  }

  noteMade(definition: Definition): RunScope.Made {
    return this.#run.scope.noteMade(definition.name)
  }

  forEach(...words: Parameters<Interpreter["forEach"]>): ReturnType<Interpreter["forEach"]> {
    return forEach(this.flow, ...words)
  }

  choose(...words: Parameters<Interpreter["choose"]>): ReturnType<Interpreter["choose"]> {
    return choose(this.flow, ...words)
  }

  iterate(...words: Parameters<Interpreter["iterate"]>): ReturnType<Interpreter["iterate"]> {
    return iterate(this.flow, ...words)
  }

  call(called: FlowDefinition, parameters: object): ReturnType<Interpreter["call"]> {
    return call(this.#run, this.#origin, this.#from, this.#runChild, called, parameters)
  }
}

const forEach = Effect.fnUntraced(function* (
  flowName: string,
  ...[items, task, concurrency]: Parameters<Interpreter["forEach"]>
) {
  const list = yield* isRef(items) ? items : Effect.succeed(items)
  if (!Array.isArray(list)) return yield* Effect.die(UsageErrors.notAList(items, list))
  const from: Ref<unknown> | undefined = isRef(items) ? items : undefined
  const name = from === undefined ? "item" : from.name
  if (list.length === 0 && from !== undefined) {
    // An empty list has no states with an origin, so the list itself carries it to the join.
    const task = via(from)
    return Object.defineProperty([], State.origin, { value: { tasks: task === undefined ? [] : [task], via: {} } })
  }
  const subject = `The function given to Step.forEach in flow "${flowName}"`
  return yield* Effect.forEach(
    list,
    (value: unknown, index) =>
      runEffect(subject, () =>
        task(isRef(value) ? value : new ItemRef(value, `${name}.${index}`, from?.task, from && via(from)), index)
      ),
    { concurrency }
  )
})

const choose = Effect.fnUntraced(function* (flowName: string, ...[ref, arms]: Parameters<Interpreter["choose"]>) {
  if (!Effect.isEffect(ref)) return yield* Effect.die(UsageErrors.notARef(flowName, ref))
  const value = String(yield* ref)
  const arm = Object.hasOwn(arms, value) ? arms[value] : undefined
  if (arm === undefined) return yield* Effect.die(UsageErrors.noArm(ref, value, arms))
  for (const other of Object.values(arms)) if (other !== arm) RunScope.forgive(other.effect)
  return yield* runEffect(`The arm "${value}" of a choice in flow "${flowName}"`, () => arm())
})

const iterate = Effect.fnUntraced(function* (
  flowName: string,
  ...[first, options]: Parameters<Interpreter["iterate"]>
) {
  let state = first
  const condition = `\`while\` of Flow.iterate in flow "${flowName}"`
  for (let count = 0; ; count++) {
    const current = state
    const continues = yield* runEffect(condition, () => options.while(current))
    if (typeof continues !== "boolean") return yield* Effect.die(notABoolean(condition, continues))
    if (!continues) return state
    if (count >= options.limit) {
      return yield* new FlowError({
        reason: "limit",
        message: `A loop of flow "${flowName}" did not end after ${options.limit} iterations. Give Flow.iterate a higher \`limit\` if more are intended.`
      })
    }
    state = yield* runEffect(`\`body\` of Flow.iterate in flow "${flowName}"`, () => options.body(current, count))
  }
})

const call = Effect.fnUntraced(function* (
  run: RunContext,
  origin: Origin.Origin | undefined,
  from: string | undefined,
  runChild: RunChild,
  called: FlowDefinition,
  parameters: object
) {
  const flow = run.flow.replacements?.get(called) ?? called
  const complete = yield* Parameters.make(flow, parameters)
  const encoded = yield* Parameters.encode(flow, complete)
  const begun = yield* run.begun === undefined ? Effect.succeed(undefined) : run.begun.child(flow.flowName, encoded)
  const earlier = yield* origin === undefined ? Effect.succeed(undefined) : origin.takeChild(flow.flowName, encoded)
  const result = yield* run.scope.owning(
    runChild(flow, complete, {
      parent: run.id,
      begun,
      ...(earlier === undefined ? undefined : { origin: { run: earlier, from: yield* Origin.fromWithin(from, flow) } })
    })
  )
  return Output.fromChild(result.output, result.id)
})
