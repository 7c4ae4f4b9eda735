/** The page's server: what it answers to each question, page by page, and to questions that make no sense. */
import { assert, describe, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { RunStore } from "../src/RunStore.ts"
import * as Storage from "../src/Storage.ts"
import * as Ui from "../src/Ui.ts"
import { seed } from "./browser/seed.ts"
import { line, putRun, putTask, run, task } from "./conformance/records.ts"
import { ask } from "./support/ask.ts"

/** The runs that are there. */
class Seeded extends Context.Service<Seeded, Effect.Success<typeof seed>>()("Seeded") {}

const served = Ui.layer({ port: 0, store: "a store", command: "flow" }).pipe(
  Layer.provideMerge(Layer.effect(Seeded, Effect.orDie(seed))),
  Layer.provideMerge(Storage.layerMemory)
)

const get = (path: string) => Effect.flatMap(Ui.Server, ({ url }) => ask(url, path))

/** What a question is answered with that the server refuses: a status and a sentence. */
const refused = Effect.fnUntraced(function* (path: string) {
  const { json, status } = yield* get(path)
  assert.isString(json.message)
  assert.match(json.message, /^[A-Z].*/)
  return `${status} ${json.message}`
})

layer(served, { excludeTestServices: true })("Ui", (it) => {
  it.effect("says whose page it is", () =>
    Effect.gen(function* () {
      const { json } = yield* get("/api/about")
      assert.deepInclude(json, { store: "a store", command: "flow" })
    })
  )

  describe("runs", () => {
    it.effect("are listed newest first, with their tasks by status", () =>
      Effect.gen(function* () {
        const { first, resumed, review } = yield* Seeded
        const { json } = yield* get("/api/runs?flow=ReviewFlow")
        assert.deepStrictEqual(
          json.runs.map((run: any) => run.id),
          [resumed, review, first]
        )
        assert.deepInclude(json.runs[0], { status: "succeeded", origin: review, flow: "ReviewFlow" })
        assert.notProperty(json.runs[0], "output")
        assert.deepStrictEqual(
          json.runs[2].counts.map((count: any) => `${count.step} ${count.status} ${count.count}`).sort(),
          ["baseline succeeded 1", "end succeeded 1", "join succeeded 1", "start succeeded 1", "train succeeded 1"]
        )
      })
    )

    it.effect("are filtered by status, tag, time and prefix", () =>
      Effect.gen(function* () {
        const { first, review } = yield* Seeded
        const count = (query: string) => Effect.map(get(`/api/runs?${query}`), ({ json }) => json.runs.length)
        assert.strictEqual(yield* count("status=failed"), 1)
        assert.strictEqual(yield* count("status=interrupted"), 0)
        assert.strictEqual(yield* count("tags=deployment_candidate"), 2)
        assert.strictEqual(yield* count(`tags=${encodeURIComponent("nightly\ndeployment_candidate")}`), 2)
        assert.strictEqual(yield* count("tags=nobody"), 0)
        assert.strictEqual(yield* count(`prefix=${review}`), 1)
        const { json } = yield* get(`/api/runs?prefix=${first}`)
        const { startedAt } = json.runs[0]
        assert.strictEqual(yield* count(`until=${startedAt}`), 0)
        assert.strictEqual(yield* count(`since=${startedAt}&until=${startedAt + 1}&prefix=${first}`), 1)
      })
    )

    it.effect("come page by page, each run once", () =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        let path = "/api/runs?limit=2"
        for (;;) {
          const { json } = yield* get(path)
          seen.push(...json.runs.map((run: any) => run.id))
          if (json.next === undefined) break
          path = `/api/runs?limit=2&before=${json.next}`
        }
        const all = (yield* get("/api/runs")).json.runs.map((run: any) => run.id)
        assert.deepStrictEqual(seen, all)
        assert.isAbove(seen.length, 4)
      })
    )

    it.effect("are sorted over all pages, crashed ones among them", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const ended = { status: "succeeded" as const, startedAt: 1000 }
        yield* store.write([
          putRun(run("00a", { flow: "Sorted", ...ended, finishedAt: 1500 })),
          putRun(run("00b", { flow: "Sorted", host: "elsewhere", heartbeatAt: 1000 })),
          putRun(run("00c", { flow: "Sorted", ...ended, status: "failed", finishedAt: 9000 })),
          putRun(run("00d", { flow: "Sorted", host: "elsewhere", heartbeatAt: Date.now() + 600_000 })),
          putRun(run("00e", { flow: "Sorted", host: "elsewhere", heartbeatAt: 2000 })),
          putRun(run("00f", { flow: "Sorted", ...ended, finishedAt: 1400 }))
        ])
        const sorted = Effect.fnUntraced(function* (query: string, limit: number) {
          const seen: Array<string> = []
          let before = ""
          for (;;) {
            const { json } = yield* get(`/api/runs?${query}&limit=${limit}${before}`)
            seen.push(...json.runs.map(({ id }: { readonly id: string }) => id.slice(2)))
            if (json.next === undefined) return seen.join("")
            before = `&before=${encodeURIComponent(json.next)}`
          }
        })
        for (const limit of [1, 2, 4, 100]) {
          assert.strictEqual(yield* sorted("flow=Sorted&sort=status&order=up", limit), "ebcdfa")
          assert.strictEqual(yield* sorted("flow=Sorted&sort=status", limit), "fadceb")
          assert.strictEqual(yield* sorted("flow=Sorted&sort=duration", limit), "cafedb")
          assert.strictEqual(yield* sorted("flow=Sorted&sort=duration&order=up", limit), "facedb")
          assert.strictEqual(yield* sorted("flow=Sorted&sort=started&order=up", limit), "abcdef")
          assert.strictEqual(yield* sorted("flow=Sorted&sort=duration&order=up&status=succeeded", limit), "fa")
          assert.strictEqual(yield* sorted("flow=Sorted&sort=started&order=up&status=crashed", limit), "be")
          assert.strictEqual(yield* sorted("flow=Sorted&sort=status&status=crashed", limit), "eb")
          const flows = yield* sorted("sort=flow&order=up", limit)
          assert.include(flows, "fedcba")
        }
        assert.strictEqual(
          yield* refused("/api/runs?sort=duration&before=00a"),
          '400 The cursor "before" must be the "next" of the previous page, in the same order, but it is "00a".'
        )
        assert.strictEqual(
          yield* refused("/api/search"),
          "400 The query of /api/search can't be read: text is missing."
        )
        yield* store.remove(["00a", "00b", "00c", "00d", "00e", "00f"])
      })
    )

    it.effect("whose process is gone are shown as crashed, and found so", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        yield* store.write([putRun(run("00crashed", { flow: "Crashed", host: "elsewhere", heartbeatAt: 1000 }))])
        const { json } = yield* get("/api/runs?status=crashed")
        assert.deepStrictEqual(
          json.runs.map((run: any) => `${run.id} ${run.status}`),
          ["00crashed crashed"]
        )
        assert.deepStrictEqual((yield* get("/api/runs?status=running")).json.runs, [])
        yield* store.remove(["00crashed"])
      })
    )

    it.effect("whose process is gone take their tasks with them, at the last sign of life", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const attempt = { number: 1, status: "running" as const, startedAt: 3000 }
        yield* store.write([
          putRun(run("00gone", { host: "elsewhere", heartbeatAt: 2000 })),
          putTask(task("00gone", 1, { finishedAt: 2500 })),
          putTask(task("00gone", 2, { status: "running", startedAt: 3000, attempts: [attempt] })),
          { _tag: "Logs", lines: [line("00gone", "step/2", "still here", { at: 9000 })] }
        ])
        const { json } = yield* get("/api/runs/00gone")
        assert.deepInclude(json.run, { status: "crashed", endedAt: 9000 })
        assert.deepInclude(json.run.counts, { step: "step", status: "crashed", count: 1 })
        const [, second] = (yield* get("/api/runs/00gone/tasks")).json.tasks
        assert.deepInclude(second, { status: "crashed", finishedAt: 9000 })
        assert.deepInclude(second.attempts[0], { status: "crashed", finishedAt: 9000 })
        const detail = (yield* get("/api/runs/00gone/tasks/step/2")).json
        assert.strictEqual(detail.task.status, "crashed")
        assert.strictEqual(detail.task.attempts[0].status, "crashed")
        yield* store.remove(["00gone"])
      })
    )

    it.effect("have their flows and tags named, whatever is listed", () =>
      Effect.gen(function* () {
        const { json } = yield* get("/api/names")
        assert.deepStrictEqual(json, { flows: ["ReviewFlow", "SweepFlow"], tags: ["deployment_candidate", "nightly"] })
      })
    )

    it.effect("have a command that resumes them only where the store knows their program", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const systemTags = { program: "node nightly.ts", directory: "/projects/it's nightly" }
        yield* store.write([
          putRun(run("00app", { status: "failed", finishedAt: 2000 })),
          putRun(run("00cli", { status: "failed", finishedAt: 2000, systemTags })),
          putRun(run("00here", { status: "failed", systemTags: { ...systemTags, directory: process.cwd() } }))
        ])
        const commandsOf = (id: string) => Effect.map(get(`/api/runs/${id}`), ({ json }) => json.commands)
        assert.deepStrictEqual(yield* commandsOf("00app"), { read: "flow" })
        assert.deepStrictEqual(yield* commandsOf("00cli"), {
          read: "flow",
          resume: "cd '/projects/it'\\''s nightly' && node nightly.ts"
        })
        assert.deepStrictEqual(yield* commandsOf("00here"), { read: "flow", resume: "node nightly.ts" })
        yield* store.remove(["00app", "00cli", "00here"])
      })
    )

    it.effect("label the tasks of a fan-out by the inputs that differ", () =>
      Effect.gen(function* () {
        const { sweep } = yield* Seeded
        const { json } = yield* get(`/api/runs/${sweep}/labels`)
        assert.strictEqual(json["score/2"], "item 0")
        assert.strictEqual(json["score/25"], "item 23")
        assert.notProperty(json, "list/1")
      })
    )

    it.effect("send the points and cards that came after a place", () =>
      Effect.gen(function* () {
        const { review } = yield* Seeded
        const { json } = yield* get(`/api/runs/${review}/metrics?task=train/3`)
        const last = Math.max(...json.map((series: any) => series.last))
        const after = yield* get(`/api/runs/${review}/metrics?after=${last - 3}`)
        assert.strictEqual(after.json.flatMap((series: any) => series.steps).length, 3)
        assert.deepStrictEqual((yield* get(`/api/runs/${review}/metrics?after=${last}`)).json, [])
        const cards = (yield* get(`/api/runs/${review}/cards`)).json
        const sequences = cards.map((card: any) => card.sequence)
        const news = (yield* get(`/api/runs/${review}/cards?after=${Math.min(...sequences)}`)).json
        assert.strictEqual(news.length, cards.length - 1)
      })
    )

    it.effect("are read one by one, by id, prefix or latest, with the runs that they called", () =>
      Effect.gen(function* () {
        const { review } = yield* Seeded
        const store = yield* RunStore
        yield* store.write([putRun(run("00child", { flow: "Child", status: "succeeded", parent: `${review}/3` }))])
        const { json } = yield* get(`/api/runs/${review}`)
        assert.strictEqual(json.run.id, review)
        assert.isObject(json.output)
        assert.deepStrictEqual(
          json.children.map((child: any) => child.id),
          ["00child"]
        )
        assert.strictEqual((yield* get("/api/runs/latest")).json.run.flow, "SweepFlow")
        yield* store.remove(["00child"])
      })
    )

    it.effect("that are unknown are said to be", () =>
      Effect.gen(function* () {
        assert.match(yield* refused("/api/runs/zzzz"), /^404 .*zzzz/)
        assert.match(yield* refused("/api/runs/zzzz/tasks"), /^404/)
        assert.match(yield* refused("/api/runs/zzzz/logs"), /^404/)
        assert.match(yield* refused("/api/runs/zzzz/metrics"), /^404/)
        assert.match(yield* refused("/api/runs/zzzz/cards"), /^404/)
        assert.match(yield* refused("/api/live/zzzz"), /^404/)
        assert.match(yield* refused("/api/compare/zzzz/latest"), /^404/)
      })
    )
  })

  describe("tasks", () => {
    it.effect("come page by page, with what they were given by whom", () =>
      Effect.gen(function* () {
        const { sweep } = yield* Seeded
        const first = (yield* get(`/api/runs/${sweep}/tasks?limit=10`)).json
        const rest = (yield* get(`/api/runs/${sweep}/tasks?after=${first.next}`)).json
        assert.strictEqual(first.tasks.length, 10)
        assert.strictEqual(rest.tasks.length, 16)
        assert.notProperty(rest, "next")
        const best = rest.tasks.at(-1)
        assert.deepInclude(best, { id: "best/26", status: "succeeded", how: "executed" })
        assert.strictEqual(best.parents.length, 24)
        assert.strictEqual(best.given.length, 25 + 1)
        assert.deepStrictEqual(best.given.at(-1).names, ["score"])
      })
    )

    it.effect("are read in full, with who read what they wrote", () =>
      Effect.gen(function* () {
        const { review } = yield* Seeded
        const { json } = yield* get(`/api/runs/${review}/tasks/train/3`)
        assert.strictEqual(json.task.id, "train/3")
        assert.deepStrictEqual(json.children, ["join/4"])
        assert.deepStrictEqual(
          json.task.outputs.map((ref: any) => ref.name),
          ["model"]
        )
      })
    )

    it.effect("say why they ran or did not", () =>
      Effect.gen(function* () {
        const { resumed } = yield* Seeded
        const why = (path: string) =>
          Effect.map(get(`/api/runs/${resumed}/tasks/${path}/why`), ({ json }) => json.lines.join("\n"))
        assert.match(yield* why("start/1"), /^taken over from .*start\/1$/)
        assert.match(yield* why("train/3"), /^executed: input epochs differs from .*train\/3/)
      })
    )

    it.effect("that are unknown are said to be, with the steps that there are", () =>
      Effect.gen(function* () {
        const { review } = yield* Seeded
        assert.match(
          yield* refused(`/api/runs/${review}/tasks/train/99`),
          /^404 Run .* has no task train\/99.*start, .*train/
        )
        assert.match(yield* refused(`/api/runs/${review}/tasks/nobody/1/why`), /^404/)
      })
    )
  })

  it.effect("reads a log page by page, of a task or of a run", () =>
    Effect.gen(function* () {
      const { review } = yield* Seeded
      const whole = (yield* get(`/api/runs/${review}/logs?task=${encodeURIComponent("train/3")}`)).json
      assert.strictEqual(whole.lines.length, 11)
      assert.deepInclude(whole.lines.at(-1), { level: "Warn", task: "train/3", attempt: 1 })
      const first = (yield* get(`/api/runs/${review}/logs?task=train%2F3&limit=4`)).json
      const rest = (yield* get(`/api/runs/${review}/logs?task=train%2F3&after=${first.next}`)).json
      assert.deepStrictEqual([...first.lines, ...rest.lines], whole.lines)
      assert.strictEqual((yield* get(`/api/runs/${review}/logs`)).json.lines.length, 15)
    })
  )

  it.effect("reads metrics as columns, thins long ones without losing a peak, and has null for what is no number", () =>
    Effect.gen(function* () {
      const { review, resumed } = yield* Seeded
      const { json } = yield* get(`/api/runs/${review}/metrics`)
      assert.deepStrictEqual(
        json.map((series: any) => `${series.task} ${series.name} ${series.total}`),
        ["train/3 loss 10", "train/3 val_loss 10", "train/3 accuracy 10"]
      )
      assert.deepStrictEqual(json[0].steps, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      assert.strictEqual((yield* get(`/api/runs/${resumed}/metrics`)).json[0].total, 12)

      const store = yield* RunStore
      const values = Array.from({ length: 50_000 }, (_, step) =>
        step === 31_234 ? 1000 : step === 5 ? Number.NaN : Math.sin(step)
      )
      yield* store.write([
        putRun(run("00long", { status: "succeeded" })),
        {
          _tag: "Metrics",
          points: values.map((value, step) => ({ run: "00long", task: "a/1", name: "m", step, value, at: 1 }))
        }
      ])
      const [long] = (yield* get("/api/runs/00long/metrics")).json
      assert.strictEqual(long.total, 50_000)
      assert.isAtMost(long.values.length, 4000)
      assert.include(long.values, 1000)
      assert.strictEqual(long.steps[long.values.indexOf(1000)], 31_234)
      yield* store.write([
        {
          _tag: "Metrics",
          points: [{ run: "00long", task: "b/2", name: "m", step: 0, value: Number.POSITIVE_INFINITY, at: 1 }]
        }
      ])
      assert.deepStrictEqual((yield* get("/api/runs/00long/metrics?task=b%2F2")).json[0].values, [null])
      yield* store.remove(["00long"])
    })
  )

  it.effect("reads cards as data, of a run or of a task", () =>
    Effect.gen(function* () {
      const { review } = yield* Seeded
      const { json } = yield* get(`/api/runs/${review}/cards`)
      assert.deepStrictEqual(json.map((card: any) => card.task).sort(), ["join/4", "train/3"])
      const [card] = (yield* get(`/api/runs/${review}/cards?task=train%2F3`)).json
      assert.deepStrictEqual(card.card.components.at(-1), { _tag: "Progress", title: "epochs", value: 10, total: 10 })
    })
  )

  it.effect("compares two runs", () =>
    Effect.gen(function* () {
      const { first, review } = yield* Seeded
      const { json } = yield* get(`/api/compare/${first}/${review}`)
      assert.deepStrictEqual(
        json.parameters.map((pair: any) => `${pair.name} ${pair.left} ${pair.right} ${pair.same}`),
        ["rows 800 6000 false", "epochs 6 10 false", "pause 0 0 true"]
      )
      assert.deepStrictEqual(
        json.metrics.map((pair: any) => pair.name),
        ["train/accuracy", "train/loss", "train/val_loss"]
      )
      assert.include(
        json.artifacts.map((artifact: any) => artifact.name),
        "start/df"
      )
      assert.isAbove(json.sameArtifacts, 0)
    })
  )

  it.effect("finds whatever a name leads to", () =>
    Effect.gen(function* () {
      const { review, sweep } = yield* Seeded
      const find = (path: string) =>
        Effect.map(get(`/api/find?path=${encodeURIComponent(path)}`), ({ json }) => json.url)
      assert.strictEqual(yield* find(review), `/runs/${review}`)
      assert.strictEqual(yield* find(` ${review}/train/3 `), `/runs/${review}/train/3`)
      assert.strictEqual(yield* find(`${review}/train`), `/runs/${review}/train/3`)
      assert.strictEqual(yield* find(`${review}/train/model`), `/runs/${review}/train/3/model`)
      assert.strictEqual(yield* find(`${review}/train/3/model`), `/runs/${review}/train/3/model`)
      assert.strictEqual(yield* find(`${sweep}/score/7`), `/runs/${sweep}/score/7`)
      assert.match(yield* find("latest"), /^\/runs\//)
      assert.match(yield* refused(`/api/find?path=${review}/nobody/1`), /^404 .*nobody\/1.*Its steps: start/)
      assert.match(yield* refused("/api/find?path=zzzz"), /^404/)
    })
  )

  it.effect("reaches a step whose name needs escaping", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const step = "a/b c%2F?#"
      yield* store.write([putRun(run("00odd")), putTask(task("00odd", 1, { step, id: `${step}/1` }))])
      const { json } = yield* get(`/api/runs/00odd/tasks/${encodeURIComponent(step)}/1`)
      assert.strictEqual(json.task.step, step)
      const found = yield* get(`/api/find?path=${encodeURIComponent(`00odd/${step}/1`)}`)
      assert.strictEqual(found.json.url, `/runs/00odd/${encodeURIComponent(step)}/1`)
      yield* store.remove(["00odd"])
    })
  )

  it.effect("answers what makes no sense with a sentence that names the part", () =>
    Effect.gen(function* () {
      assert.match(yield* refused("/api/runs?limit=0"), /^400 The query of \/api\/runs can't be.*limit/s)
      assert.match(yield* refused("/api/runs?limit=many"), /^400 .*limit/s)
      assert.match(yield* refused("/api/runs?status=happy"), /^400 .*status/s)
      assert.match(yield* refused("/api/runs?since=yesterday"), /^400 .*since/s)
      assert.match(yield* refused("/api/runs/latest/tasks?after=-1"), /^400 .*after/s)
      assert.match(yield* refused("/api/find"), /^400 .*path/s)
      assert.match(yield* refused(`/api/find?path=${"x".repeat(3000)}`), /^400/)
      assert.match(yield* refused("/api/nothing"), /^404/)
      assert.match(yield* refused("/api"), /^404/)
      assert.match(yield* refused("/api/runs/%ff"), /^4\d\d/)
    })
  )

  it.effect("keeps order and numbers of a long log", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      yield* store.write([
        putRun(run("00log")),
        { _tag: "Logs", lines: Array.from({ length: 12_000 }, (_, i) => line("00log", "a/1", `line ${i}`)) }
      ])
      const { json } = yield* get("/api/runs/00log/logs?limit=20000")
      assert.strictEqual(json.lines.length, 12_000)
      assert.strictEqual(json.lines[11_999].message, "line 11999")
      yield* store.remove(["00log"])
    })
  )
})
