/**
 * The page's endpoints for runs, tasks, log lines, metrics and cards. Each response takes a few queries, whatever the
 * size of the run.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { ArtifactStore } from "../../ArtifactStore.ts"
import * as Diff from "../../Diff.ts"
import { beganAt, type RunRecord } from "../../RunRecord.ts"
import { type CardLine, RunStore, type StoreError } from "../../RunStore.ts"
import * as Why from "../../Why.ts"
import * as Worker from "../../Worker.ts"
import * as Reading from "../history/reading.ts"
import { childIds } from "../history/tasks.ts"
import { display } from "../run/output.ts"
import { databaseUrl } from "../store/location.ts"
import { UiApi, UiBroken, UiNotFound } from "./api.ts"
import { downloadHeaders, storeFailed } from "./artifacts.ts"
import * as UiCommands from "./commands.ts"
import * as UiCompare from "./compare.ts"
import * as UiEnding from "./ending.ts"
import * as UiLabels from "./labels.ts"
import * as UiNames from "./names.ts"
import * as UiPlaces from "./places.ts"
import * as UiRunList from "./runList.ts"
import type { About, CardView, RunView } from "./shapes.ts"
import * as UiViews from "./views.ts"

/** The number of lines read at a time for a download. */
const logPageSize = 5000
/** A card larger than this is not sent to the page. */
const cardLimitBytes = 32 * 1024 * 1024

const notFound = (error: Reading.RunNotFound | Reading.TaskNotFound | StoreError) =>
  error._tag === "StoreError" ? storeFailed(error) : new UiNotFound({ message: error.message })

/** Finds runs by name, for all endpoint groups. */
export const makeFind = Effect.map(
  RunStore,
  (store) => (name: string) =>
    Reading.get(name).pipe(
      Effect.provideService(RunStore, store),
      Effect.mapError((error) =>
        error._tag === "StoreError" ? storeFailed(error) : new UiNotFound({ message: error.message })
      )
    )
)

/** What the server knows about itself. */
export interface ServerInfo extends UiCommands.CommandLine, Omit<About, "now"> {}

/** Handles the `runs` group. */
export const layer = ({ storeFlags, ...about }: ServerInfo) =>
  HttpApiBuilder.group(
    UiApi,
    "runs",
    Effect.fnUntraced(function* (handlers) {
      const store = yield* RunStore
      const artifacts = yield* ArtifactStore
      const find = yield* makeFind
      const endingOf = UiEnding.make(store)
      const labelsOf = yield* UiLabels.make
      const names = yield* UiNames.make(store)
      const commandLine: UiCommands.CommandLine = { ...about, ...(storeFlags === undefined ? {} : { storeFlags }) }
      const context = yield* Effect.context<RunStore | ArtifactStore>()
      /** Runs the library's own query, and turns its errors into the API's errors. */
      const within = <A>(
        runQuery: Effect.Effect<A, Reading.RunNotFound | Reading.TaskNotFound | StoreError, RunStore | ArtifactStore>
      ) => runQuery.pipe(Effect.provideContext(context), Effect.mapError(notFound))

      const viewAll = Effect.fnUntraced(function* (runs: ReadonlyArray<RunRecord>) {
        const counts = UiViews.countsByRun(yield* store.taskCounts(runs.map(({ id }) => id)))
        const now = yield* Clock.currentTimeMillis
        return yield* Effect.forEach(runs, (run) =>
          Effect.map(endingOf(run, now), (ending) => UiViews.runView(run, ending, counts.get(run.id) ?? []))
        )
      }, Effect.mapError(storeFailed))
      const listOf = UiRunList.make(store, viewAll)
      const endingNow = (run: RunRecord) =>
        Effect.mapError(
          Effect.flatMap(Clock.currentTimeMillis, (now) => endingOf(run, now)),
          storeFailed
        )
      const viewOf = (run: RunRecord): Effect.Effect<RunView, ReturnType<typeof storeFailed>> =>
        Effect.map(viewAll([run]), ([view]) => view as RunView) // one view per run

      const findTask = Effect.fnUntraced(function* (name: string, step: string, index: string) {
        const run = yield* find(name)
        const id = `${step}/${index}`
        const [task] = yield* Effect.mapError(store.tasks({ run: run.id, id, limit: 1 }), storeFailed)
        if (task !== undefined) return { run, task }
        const steps = [
          ...new Set((yield* Effect.mapError(store.taskCounts([run.id]), storeFailed)).map((count) => count.step))
        ]
        return yield* new UiNotFound({
          message: `Run ${run.id} has no task ${id}. ${steps.length === 0 ? "It has no tasks yet." : `Its steps: ${steps.join(", ")}.`}`
        })
      })

      const showCard = Effect.fnUntraced(
        function* (card: CardLine) {
          if (card.size > cardLimitBytes) return []
          const bytes = yield* artifacts.get(card.digest)
          const { at, attempt, digest, sequence, task } = card
          const view: CardView = {
            task,
            attempt,
            digest,
            at,
            sequence,
            card: JSON.parse(new TextDecoder().decode(bytes))
          }
          return [view]
          // A card that was replaced a moment ago, or is damaged, is left out.
        },
        Effect.catch(() => Effect.succeed<ReadonlyArray<CardView>>([]))
      )

      return handlers.handleAll({
        about: () => Effect.map(Clock.currentTimeMillis, (now): About => ({ ...about, now })),

        workers: () =>
          databaseUrl(artifacts.location) !== undefined
            ? Worker.status().pipe(
                Effect.provideService(ArtifactStore, artifacts),
                Effect.mapError(({ message }) => new UiBroken({ message }))
              )
            : Effect.succeed({ workers: [], queues: [] }),

        search: ({ query }) => within(UiPlaces.search(names, query.text)),

        names: () => Effect.mapError(store.names, storeFailed),

        list: ({ query }) => listOf(query),

        find: Effect.fnUntraced(function* ({ query }) {
          const [name = "", ...rest] = query.path
            .split("/")
            .map((part) => part.trim())
            .filter(Boolean)
          const run = yield* find(name)
          const base = `/runs/${encodeURIComponent(run.id)}`
          const url = (...parts: ReadonlyArray<string>) => [base, ...parts.map(encodeURIComponent)].join("/")
          if (rest.length === 0) return { url: base }
          const first = (query: { readonly id: string } | { readonly step: string }) =>
            Effect.map(
              Effect.mapError(store.tasks({ run: run.id, refs: false, limit: 1, ...query }), storeFailed),
              ([task]) => task
            )
          // The name of a step may contain slashes, so the longest path that names a task or step wins.
          for (let taken = rest.length; taken > 0; taken--) {
            const path = rest.slice(0, taken).join("/")
            const beyond = rest.slice(taken).join("/")
            const task = (yield* first({ id: path })) ?? (yield* first({ step: path }))
            if (task === undefined) continue
            return { url: url(task.step, String(task.index), ...(beyond === "" ? [] : [beyond])) }
          }
          const counts = yield* Effect.mapError(store.taskCounts([run.id]), storeFailed)
          const steps = [...new Set(counts.map(({ step }) => step))]
          return yield* new UiNotFound({
            message: `Run ${run.id} has no task "${rest.join("/")}". Its steps: ${steps.slice(0, 20).join(", ") || "none yet"}.`
          })
        }),

        get: Effect.fnUntraced(function* ({ params }) {
          const run = yield* find(params.run)
          const children = yield* Effect.mapError(store.runs({ parent: run.id, limit: 200 }), storeFailed)
          return {
            run: yield* viewOf(run),
            commands: UiCommands.of(commandLine, run),
            ...(run.output === undefined ? {} : { output: display(run.output) }),
            children: yield* viewAll(children)
          }
        }),

        tasks: Effect.fnUntraced(function* ({ params, query }) {
          const run = yield* find(params.run)
          const limit = query.limit ?? 1000
          const { after } = query
          const tasks = yield* Effect.mapError(
            store.tasks({ run: run.id, limit, ...(after === undefined ? {} : { after }) }),
            storeFailed
          )
          const last = tasks.at(-1)
          const ending = yield* endingNow(run)
          return {
            tasks: tasks.map((task) => UiViews.taskView(task, ending)),
            ...(tasks.length === limit && last !== undefined ? { next: last.index } : {})
          }
        }),

        task: Effect.fnUntraced(function* ({ params }) {
          const { run, task } = yield* findTask(params.run, params.step, params.index)
          const children = yield* Effect.mapError(Effect.provideContext(childIds(task), context), storeFailed)
          const ending = yield* endingNow(run)
          return {
            run: yield* viewOf(run),
            commands: UiCommands.of(commandLine, run),
            task: {
              ...UiEnding.within(ending, task),
              startedAt: beganAt(task),
              attempts: task.attempts.map((attempt) => ({
                ...UiEnding.within(ending, attempt),
                startedAt: beganAt(attempt)
              }))
            },
            children
          }
        }),

        why: Effect.fnUntraced(function* ({ params }) {
          const { run, task } = yield* findTask(params.run, params.step, params.index)
          const explained = yield* within(Why.explain(run, task.id))
          // The first line names the run. Each of the others starts with padding as wide as the task's id.
          const lines = Why.toText(explained).split("\n").slice(1)
          return { lines: lines.map((line) => line.slice(task.id.length + 2)) }
        }),

        logs: Effect.fnUntraced(function* ({ params, query }) {
          const run = yield* find(params.run)
          const limit = query.limit ?? 5000
          const { after, task } = query
          const lines = yield* Effect.mapError(
            store.logs({
              run: run.id,
              limit,
              ...(task === undefined ? {} : { task }),
              ...(after === undefined ? {} : { after })
            }),
            storeFailed
          )
          const last = lines.at(-1)
          return {
            lines: lines.map(UiViews.logView),
            ...(lines.length === limit && last !== undefined ? { next: last.sequence } : {})
          }
        }),

        logText: Effect.fnUntraced(function* ({ params, query }) {
          const run = yield* find(params.run)
          const { task } = query
          const pages = Stream.paginate(0, (after) =>
            Effect.map(
              store.logs({ run: run.id, after, limit: logPageSize, ...(task === undefined ? {} : { task }) }),
              (lines) => {
                const last = lines.at(-1)
                const isMore = lines.length === logPageSize && last !== undefined
                return [[lines.map(UiViews.logText).join("")], isMore ? Option.some(last.sequence) : Option.none()]
              }
            )
          )
          const name = `${run.flow}-${run.id}${task === undefined ? "" : `-${task}`}.log`
          return HttpServerResponse.stream(Stream.encodeText(pages), {
            headers: downloadHeaders(name, "text/plain; charset=utf-8")
          })
        }),

        metrics: Effect.fnUntraced(function* ({ params, query }) {
          const run = yield* find(params.run)
          const { after = 0, task } = query
          return UiViews.series(
            yield* Effect.mapError(
              store.metrics({ run: run.id, after, ...(task === undefined ? {} : { task }) }),
              storeFailed
            )
          )
        }),

        labels: Effect.fnUntraced(function* ({ params }) {
          const run = yield* find(params.run)
          return yield* Effect.mapError(labelsOf(run.id), storeFailed)
        }),

        cards: Effect.fnUntraced(function* ({ params, query }) {
          const run = yield* find(params.run)
          const { after = 0, task } = query
          const cards = yield* Effect.mapError(
            store.cards({ run: run.id, after, ...(task === undefined ? {} : { task }) }),
            storeFailed
          )
          return (yield* Effect.forEach(cards.slice(0, 200), showCard, { concurrency: 4 })).flat()
        }),

        compare: Effect.fnUntraced(function* ({ params }) {
          const diff = yield* within(Diff.runs(params.left, params.right))
          // A flow's own command line does not read runs of other flows.
          const other = [diff.before, diff.now].find(({ flow }) => flow !== about.flow) ?? diff.now
          const commands = UiCommands.of(commandLine, other)
          return UiCompare.view(diff, yield* viewOf(diff.before), yield* viewOf(diff.now), { read: commands.read })
        })
      })
    })
  )
