/** Behaviours of data: computed values, their flow through the graph, and the order of joined lists. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ArtifactStore } from "../../../src/ArtifactStore.ts"
import * as Executor from "../../../src/Executor.ts"
import type { Ref } from "../../../src/Ref.ts"
import * as Step from "../../../src/Step.ts"
import {
  assertLast,
  type Behaviour,
  failureOf,
  fullId,
  runOf,
  sorted,
  stepOf,
  tally,
  tasksOf,
  valuesOf
} from "../harness.ts"
import { oracle } from "../oracle.ts"

type States = { readonly [branch: string]: { readonly [name: string]: Ref<unknown> } }

export const data: ReadonlyArray<Behaviour> = [
  {
    name: "a run comes to the right value",
    anywhere: true,
    run: Effect.fnUntraced(function* (graph) {
      yield* assertLast(yield* runOf(graph), graph)
      for (const other of graph.others ?? []) {
        yield* assertLast(yield* runOf(graph, graph.flow, { seed: other.seed }), other)
      }
    })
  },
  {
    name: "data reaches every task",
    anywhere: true,
    run: Effect.fnUntraced(function* (graph) {
      const tasks = yield* tasksOf((yield* runOf(graph)).id)
      assert.deepStrictEqual(tally(tasks.map((task) => task.step)), sorted(graph.tasks))
      for (const task of tasks) {
        const outputs = yield* valuesOf(task.outputs)
        assert.deepStrictEqual(outputs, oracle(task.step, yield* valuesOf(task.inputs)), task.id)
      }
    })
  },
  {
    name: "lineage equals the graph",
    anywhere: true,
    run: Effect.fnUntraced(function* (graph) {
      const tasks = yield* tasksOf((yield* runOf(graph)).id)
      const edges = tasks.flatMap((task) => task.parents.map((parent) => `${stepOf(parent)}>${task.step}`))
      assert.deepStrictEqual(tally(edges), sorted(graph.edges))
      // Every artifact that a task reads was written by one of its ancestors, or was passed in as a value.
      const byId = new Map(tasks.map((task) => [`${task.run}/${task.id}`, task]))
      const ancestors = new Map<string, Set<string>>()
      const above = (id: string): Set<string> => {
        const known = ancestors.get(id)
        if (known !== undefined) return known
        const task = byId.get(id)
        assert.isDefined(task, `${id} is a task of the run`)
        const parents = (task?.parents ?? []).map((parent) => fullId(task?.run ?? "", parent))
        const all = new Set([...parents, ...parents.flatMap((parent) => [...above(parent)])])
        ancestors.set(id, all)
        return all
      }
      for (const task of tasks) {
        for (const input of task.inputs) {
          if (input.writer === undefined) continue
          assert.isTrue(above(`${task.run}/${task.id}`).has(input.writer), `${input.name} of ${task.id}`)
        }
      }
    })
  },
  {
    name: "a join over a list has its items' order, run after run",
    applies: (graph) => graph.ordered !== undefined,
    run: Effect.fnUntraced(function* (graph) {
      for (let round = 1; round <= 3; round++) {
        // Each task is held up for another time, so that tasks finish in another order than they began.
        const uneven = Layer.effect(
          Executor.Executor,
          Effect.map(Effect.service(Executor.Executor), (executor) => ({
            ...executor,
            execute: (attempt) => {
              const index = Number(attempt.task.task.split("/")[1])
              return Effect.andThen(
                Effect.repeat(Effect.yieldNow, { times: (index * 7 * round) % 11 }),
                executor.execute(attempt)
              )
            }
          }))
        )
        const ran = yield* runOf(graph).pipe(Effect.provide(uneven))
        yield* assertLast(ran, graph)
        const joins = (yield* tasksOf(ran.id)).filter((task) => task.step === graph.ordered)
        for (const task of joins) {
          const { trail } = oracle(task.step, yield* valuesOf(task.inputs))
          assert.deepStrictEqual((yield* valuesOf(task.outputs)).trail, trail)
        }
      }
    })
  },
  {
    name: "branches merge by Metaflow's rules",
    applies: (graph) => graph.merges === true,
    run: Effect.fnUntraced(function* (graph) {
      const { branches, scores } = (yield* runOf(graph)).output as unknown as Partial<Record<string, States>>
      const states = branches ?? { ...scores }
      const names = Object.keys(states)
      const [first = ""] = names
      const merge = Step.merge as (states: object, resolve?: object) => Effect.Effect<unknown, unknown> // the types would refuse what is tried here
      // Written by several: the branch that is named wins. Inherited unchanged: no conflict.
      const merged: any = yield* merge(states, { x: first, trail: first, item: first })
      assert.strictEqual(merged.x.digest, states[first]?.x?.digest)
      const inherited = branches === undefined ? "base" : "note"
      for (const name of names) assert.strictEqual(merged[inherited].digest, states[name]?.[inherited]?.digest)
      // Not resolved: a conflict that says which names, and in which branches.
      const error: any = yield* failureOf(merge(states))
      assert.strictEqual(error._tag, "MergeConflict")
      const conflicting = error.conflicts.map((conflict: { readonly name: string }) => conflict.name)
      assert.deepStrictEqual(conflicting.sort(), branches === undefined ? ["item", "trail", "x"] : ["trail", "x"])
      for (const conflict of error.conflicts) assert.deepStrictEqual(conflict.branches, names)
      assert.include(error.message, `"trail" (${names.join(", ")})`)
    })
  },
  {
    name: "values read from their bytes are the values that were handed over",
    run: Effect.fnUntraced(function* (graph) {
      const store = yield* ArtifactStore
      const forgetful = { ...store, values: { get: () => undefined, set: () => {} } }
      const ran = yield* runOf(graph).pipe(Effect.provideService(ArtifactStore, forgetful))
      yield* assertLast(ran, graph)
    })
  },
  {
    name: "one task at a time gives the same",
    run: Effect.fnUntraced(function* (graph) {
      const ran = yield* runOf(graph).pipe(Effect.provide(Executor.layerFibers({ concurrency: 1 })))
      yield* assertLast(ran, graph)
    })
  },
  {
    name: "two runs at once do not meet",
    anywhere: true,
    run: Effect.fnUntraced(function* (graph) {
      const other = graph.others?.[0]
      const [one, two] = yield* Effect.all(
        [runOf(graph), runOf(graph, graph.flow, other === undefined ? { seed: 30 } : { seed: other.seed })],
        { concurrency: "unbounded" }
      )
      yield* assertLast(one, graph)
      if (other !== undefined) yield* assertLast(two, other)
      const mine = yield* tasksOf(one.id)
      assert.deepStrictEqual(tally(mine.map((task) => task.step)), sorted(graph.tasks))
      const runs = new Set(mine.map((task) => task.run))
      for (const task of mine) {
        for (const ref of [...task.inputs, ...task.outputs]) {
          if (ref.writer !== undefined) assert.isTrue(runs.has(ref.writer.split("/")[0] ?? ""))
        }
      }
    })
  }
]
