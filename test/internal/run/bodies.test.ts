/** What a user's functions return, throw, fork and print, and how long they take: the run is recorded whatever it is. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { Artifact, CurrentTask, Executor, Flow, Run, RunRecord, RunStore, Step, Storage } from "effect-flow"

/** A function as JavaScript has it, which no compiler has seen. */
const untyped = (
  body: (...values: ReadonlyArray<any>) => unknown
): ((...values: ReadonlyArray<any>) => Effect.Effect<any>) => body as never

const number = Step.make("number", { output: { n: Schema.Number }, run: () => Effect.succeed({ n: 1 }) })

/** The flow's run, with its record. */
const recorded = Effect.fnUntraced(function* (flow: Flow.Any) {
  const exit = yield* Effect.exit(Flow.run(flow as Flow.Flow<string, {}, unknown, unknown, never>, {}))
  const run = yield* Run.get("latest")
  return { exit, run, tasks: yield* Run.tasks(run), lines: yield* Run.logs(run) }
})

const flowOf = (body: () => unknown, ...steps: ReadonlyArray<Step.Any>) =>
  Flow.make("F", { steps: [number, ...steps], run: untyped(body) })

const stepOf = (body: (...values: ReadonlyArray<any>) => unknown) => {
  const step = Step.make("bad", { output: { x: Schema.Number }, run: untyped(body) })
  return Flow.make("F", { steps: [step], run: () => step() })
}

const method = "then"

const notEffects: ReadonlyArray<readonly [name: string, value: () => unknown, says: RegExp]> = [
  ["a promise", async () => ({ x: 1 }), /returned a Promise\. .*Effect\.promise/],
  ["a rejected promise", () => Promise.reject(new Error("no")), /returned a Promise/],
  [
    "a generator",
    function* () {
      yield 1
    },
    /returned a generator\. .*Effect\.fnUntraced/
  ],
  ["undefined", () => undefined, /returned undefined\. .*Effect\.succeed/],
  ["an object", () => ({ x: 1 }), /returned an object/],
  [
    "an object whose properties throw",
    () =>
      Object.defineProperty({}, method, {
        get: () => {
          throw new Error("no")
        }
      }),
    /returned an object/
  ]
]

describe("a function that returns something else than an Effect", () => {
  for (const [name, value, says] of notEffects) {
    it.effect(`${name}, as the body of a step`, () =>
      Effect.gen(function* () {
        const { exit, run, tasks } = yield* recorded(stepOf(value))
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
        assert.strictEqual(run.status, "failed")
        assert.strictEqual(tasks[0]?.status, "failed")
        assert.match(tasks[0]?.error?.message ?? "", /^The body of step "bad" must return an Effect/)
        assert.match(tasks[0]?.error?.message ?? "", says)
      }).pipe(Effect.provide(Storage.layerMemory))
    )
  }

  const flows: ReadonlyArray<readonly [name: string, flow: Flow.Any, says: RegExp]> = [
    [
      "the body of a flow",
      flowOf(async () => 1),
      /The body of flow "F" must return an Effect, but it returned a Promise/
    ],
    [
      "the function of forEach",
      flowOf(() =>
        Step.forEach(
          [1],
          untyped(async () => 1)
        )
      ),
      /Step\.forEach in flow "F" must return an Effect/
    ],
    [
      "an arm of when",
      flowOf(() => Flow.when(Effect.succeed(true) as never, { onTrue: untyped(() => 1), onFalse: Effect.void })),
      /The arm "true" of a choice in flow "F" must return an Effect, but it returned a number/
    ],
    [
      "the condition of iterate",
      flowOf(() => Flow.iterate(0, { while: untyped(() => true), body: (n) => Effect.succeed(n) })),
      /`while` of Flow\.iterate in flow "F" must return an Effect, but it returned a boolean/
    ],
    [
      "the condition of iterate, which yields no boolean",
      flowOf(() => Flow.iterate(0, { while: untyped(() => Effect.succeed("yes")), body: (n) => Effect.succeed(n) })),
      /must return true or false, but it returned a string/
    ],
    [
      "the body of iterate",
      flowOf(() => Flow.iterate(0, { while: () => Effect.succeed(true), body: untyped(() => null) })),
      /`body` of Flow\.iterate in flow "F" must return an Effect, but it returned null/
    ],
    [
      "a function within a body",
      stepOf(() =>
        Effect.flatMap(
          Effect.void,
          untyped(async () => 1)
        )
      ),
      /The body of step "bad" ran something that is not an Effect/
    ]
  ]
  for (const [name, flow, says] of flows) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const { exit, run } = yield* recorded(flow)
        assert.isTrue(Exit.isFailure(exit))
        assert.strictEqual(run.status, "failed")
        assert.match(run.error?.message ?? "", says)
      }).pipe(Effect.provide(Storage.layerMemory))
    )
  }
})

describe("a retry's condition", () => {
  const failing = (condition: (error: unknown) => unknown) => {
    const step = Step.make("bad", {
      output: { x: Schema.Number },
      retry: { times: 2, while: condition as (error: unknown) => boolean },
      run: () => Effect.fail("boom")
    })
    return Flow.make("F", { steps: [step], run: () => step() })
  }
  for (const [name, condition, says] of [
    ["throws", (error: any) => error.nothing.here, /TypeError/],
    ["returns a promise", async () => true, /must return true or false, but it returned a Promise/]
  ] as const) {
    it.effect(`that ${name} leaves the step's own error, with the condition's beside it`, () =>
      Effect.gen(function* () {
        const { run, tasks } = yield* recorded(failing(condition))
        assert.strictEqual(run.error?.message, "boom")
        const [task] = tasks
        assert.deepStrictEqual([task?.status, task?.error?.message, task?.attempts.length], ["failed", "boom", 1])
        const beside = task?.error?.causes?.at(-1)
        assert.match(`${beside?.tag} ${beside?.message}`, says)
      }).pipe(Effect.provide(Storage.layerMemory))
    )
  }
})

describe("what a body leaves running", () => {
  it.effect("ends with the attempt of a step, before it is recorded", () =>
    Effect.gen(function* () {
      let ended = 0
      const step = Step.make("forks", {
        output: { ended: Schema.Number },
        retry: { times: 1 },
        run: Effect.fnUntraced(function* () {
          const { attempt } = yield* CurrentTask
          yield* Effect.forkChild(Effect.onInterrupt(Effect.never, () => Effect.sync(() => void ended++)))
          yield* Effect.yieldNow
          return attempt === 1 ? yield* Effect.fail("again") : { ended }
        })
      })
      const { output } = yield* Flow.run(Flow.make("F", { steps: [step], run: () => step() }), {})
      assert.strictEqual(yield* output.ended, 1)
      assert.strictEqual(ended, 2)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  for (const [name, fork] of [
    ["forked", Effect.forkChild],
    ["detached", Effect.forkDetach]
  ] as const) {
    it.effect(`a ${name} task is recorded as interrupted when the flow's body has ended`, () =>
      Effect.gen(function* () {
        const long = Step.make("long", { run: () => Effect.never })
        const flow = Flow.make("F", {
          steps: [long],
          run: () =>
            Effect.andThen(fork(long() as Effect.Effect<unknown>), Effect.andThen(Effect.sleep(10), Effect.void))
        })
        const fiber = yield* Effect.forkChild(Flow.run(flow as Flow.Flow<string, {}, void, never, never>, {}))
        yield* TestClock.adjust(1000)
        const { id } = yield* Fiber.join(fiber)
        const [task] = yield* Run.tasks(id)
        assert.deepStrictEqual([task?.status, task?.attempts[0]?.status], ["interrupted", "interrupted"])
        assert.strictEqual((yield* Run.get(id)).status, "succeeded")
      }).pipe(Effect.provide(Storage.layerMemory))
    )
  }

  it.effect("a step that interrupts itself fails its attempt, and is tried again", () =>
    Effect.gen(function* () {
      const step = Step.make("inner", {
        retry: { times: 1 },
        run: () =>
          Effect.flatMap(Effect.forkChild(Effect.never), (fiber) =>
            Effect.andThen(Fiber.interrupt(fiber), Fiber.join(fiber))
          )
      })
      const { run, tasks } = yield* recorded(Flow.make("F", { steps: [step], run: () => step() }))
      assert.strictEqual(run.status, "failed")
      assert.deepStrictEqual(
        tasks[0]?.attempts.map(({ status }) => status),
        ["failed", "failed"]
      )
      assert.match(run.error?.message ?? "", /inner\/1 of run .* was interrupted from inside/)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("a task that was made but never run is told of at the end, by its step", () =>
    Effect.gen(function* () {
      const untaken = Step.make("untaken", { run: () => Effect.void })
      const forgotten = Step.make("forgotten", { run: () => Effect.void })
      const flow = Flow.make("F", {
        steps: [number, untaken, forgotten],
        run: Effect.fnUntraced(function* () {
          const { n } = yield* number()
          forgotten()
          forgotten()
          // The arm that is not taken is not forgotten.
          yield* Flow.match(n as never, { 1: Effect.void, 2: untaken().pipe(Effect.asVoid) } as never)
        })
      })
      const { lines } = yield* recorded(flow)
      assert.deepStrictEqual(
        lines.map(({ level, message }) => [level, message.split(".")[0]]),
        [["Warn", '2 tasks of step "forgotten" were made but never run']]
      )
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})

describe("a step that does what only a flow's body may", () => {
  const inner = Flow.make("Inner", { steps: [number], run: () => number() })
  const cases: ReadonlyArray<readonly [name: string, body: () => unknown, says: RegExp]> = [
    [
      "makes a task",
      () => number(),
      /A task of step "number" was made inside step "bad" \(bad\/1 of run .+ body of flow "F"/
    ],
    ["calls a flow", () => Flow.call(inner, {}), /Flow "Inner" was started inside step "bad" .+Flow\.call/],
    ["runs a flow", () => Flow.run(inner, {}), /Flow "Inner" was started inside step "bad" .+Flow\.call/],
    ["loops", () => Step.forEach([1], () => Effect.void), /Step\.forEach was called inside step "bad"/],
    [
      "iterates",
      () => Flow.iterate(0, { while: () => Effect.succeed(false), body: Effect.succeed }),
      /Flow\.iterate was called inside step "bad"/
    ],
    [
      "chooses",
      () => Flow.when(Effect.succeed(true) as never, { onTrue: Effect.void, onFalse: Effect.void }),
      /A choice \(Flow\.when or Flow\.match\) was made inside step "bad"/
    ]
  ]
  for (const [name, body, says] of cases) {
    // With one place, which the step holds, a task in it would wait for ever.
    it.effect(`${name}: refused with a sentence`, () =>
      Effect.gen(function* () {
        const step = Step.make("bad", { output: { x: Schema.Number }, run: untyped(body) })
        const flow = Flow.make("F", { steps: [number, step], run: () => step() })
        const { run, tasks } = yield* recorded(flow)
        assert.match(run.error?.message ?? "", says)
        assert.strictEqual(tasks.length, 1)
      }).pipe(Effect.provide([Storage.layerMemory, Executor.layerFibers({ concurrency: 1 })]))
    )
  }
})

describe("a setting that a body reads", () => {
  it.effect("is named by the task's error where it is missing or not valid", () =>
    Effect.gen(function* () {
      const step = Step.make("reads", {
        input: { i: Schema.Int },
        run: ({ i }) =>
          Effect.asVoid<unknown, Config.ConfigError, never>(
            i === 0 ? Config.Redacted("API_TOKEN") : Config.nested(Config.Int("port"), "db")
          )
      })
      const flow = Flow.make("F", {
        steps: [step],
        run: () => Step.forEach([0, 1], (i) => Effect.exit(step({ i }))).pipe(Effect.asVoid)
      })
      const { tasks } = yield* recorded(flow)
      assert.deepStrictEqual(
        tasks.map(({ error }) => error),
        [
          { tag: "ConfigError", message: "The setting API_TOKEN is missing or not valid: expected string" },
          {
            tag: "ConfigError",
            message: "The setting db.port is missing or not valid: expected a string representing a finite number"
          }
        ]
      )
    }).pipe(
      Effect.provide([Storage.layerMemory, ConfigProvider.layer(ConfigProvider.fromUnknown({ db: { port: "abc" } }))])
    )
  )
})

describe("the scope of a body", () => {
  it.effect(
    "closes with its attempt when the outputs are stored, and that of a flow's body before the run is over",
    () =>
      Effect.gen(function* () {
        const said: Array<string> = []
        const say = (text: string) => Effect.sync(() => void said.push(text))
        const waits = (text: string) =>
          Effect.forkScoped(
            Effect.onInterrupt(Effect.never, () => say(text)),
            { startImmediately: true }
          )
        const writes = Step.make("writes", {
          output: { file: Artifact.file() },
          run: Effect.fnUntraced(function* () {
            const directory = yield* Effect.acquireRelease(
              Effect.promise(() => mkdtemp(join(tmpdir(), "effect-flow-"))),
              (directory) =>
                Effect.andThen(
                  say("removed"),
                  Effect.promise(() => rm(directory, { recursive: true }))
                )
            )
            yield* waits("the step's fiber has ended")
            const file = join(directory, "a.txt")
            yield* Effect.promise(() => writeFile(file, "kept"))
            return { file }
          })
        })
        const flow = Flow.make("F", {
          steps: [writes],
          run: Effect.fnUntraced(function* () {
            yield* Effect.addFinalizer(() => say("the flow's body has ended"))
            yield* waits("the flow's fiber has ended")
            const { file } = yield* writes()
            yield* say("the step has ended")
            return yield* Effect.promise(readFile.bind(undefined, yield* file, "utf8"))
          })
        })
        const { output } = yield* Flow.run(flow, {})
        assert.strictEqual(output, "kept")
        assert.deepStrictEqual(said, [
          "the step's fiber has ended",
          "removed",
          "the step has ended",
          "the flow's fiber has ended",
          "the flow's body has ended"
        ])
      }).pipe(Effect.provide(Storage.layerMemory))
  )
})

describe("what a body prints", () => {
  it.effect("in another encoding is what that encoding stands for", () =>
    Effect.gen(function* () {
      const prints = Step.make("prints", {
        run: () =>
          Effect.sync(() => {
            process.stdout.write("c3", "hex")
            process.stdout.write("qQ==", "base64")
            process.stdout.write(" and ", "utf8")
            process.stdout.write("plain\n", "ascii")
          })
      })
      const { lines } = yield* recorded(Flow.make("F", { steps: [prints], run: () => prints() }))
      assert.deepStrictEqual(
        lines.map(({ message }) => message),
        ["é and plain"]
      )
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("is its task's, though others print at the same time, from promises and in parts", () =>
    Effect.gen(function* () {
      const step = Step.make("prints", {
        input: { i: Schema.Number },
        run: ({ i }) =>
          Effect.promise(async () => {
            console.log("console %d", i)
            await Promise.resolve()
            process.stdout.write(`one ${i}\ntwo `)
            await Promise.resolve()
            process.stdout.write(`${i}`)
            console.error("error", i)
          })
      })
      const flow = Flow.make("F", {
        steps: [step],
        run: () => {
          console.log("from the flow")
          return Step.forEach([1, 2, 3], (i) => step({ i }))
        }
      })
      const { lines } = yield* recorded(flow)
      for (const i of [1, 2, 3]) {
        assert.deepStrictEqual(
          lines.filter(({ task }) => task === `prints/${i}`).map(({ level, message }) => `${level} ${message}`),
          [`Info console ${i}`, `Info one ${i}`, `Warn error ${i}`, `Info two ${i}`]
        )
      }
      assert.deepStrictEqual(
        lines.filter(({ task }) => task === "").map(({ message }) => message),
        ["from the flow"]
      )
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("is shown by the program's loggers, too, the flow's body's as its steps'", () =>
    Effect.gen(function* () {
      const shown: Array<string> = []
      const logger = Logger.make<unknown, void>(({ logLevel, message }) => void shown.push(`${logLevel} ${message}`))
      const prints = Step.make("prints", { run: () => Effect.sync(() => console.log("from the step")) })
      const child = Flow.make("Child", {
        steps: [number],
        run: () => {
          console.error("from the child")
          number()
          return Effect.log("logged by the child")
        }
      })
      const flow = Flow.make("F", {
        steps: [prints, number],
        run: Effect.fnUntraced(function* () {
          console.log("from the flow")
          yield* prints()
          yield* Flow.call(child, {})
        })
      })
      yield* Effect.provideService(recorded(flow), Logger.CurrentLoggers, new Set([logger]))
      const forgotten = 'A task of step "number" was made but never run.'
      assert.deepStrictEqual(
        shown.map((line) => line.replace(/ Put .*/, "")),
        [
          "Info from the flow",
          "Info from the step",
          "Warn from the child",
          "Info logged by the child",
          `Warn ${forgotten}`
        ]
      )
      const lines = yield* Effect.flatMap(Run.latest("F"), (run) => Run.logs(run))
      assert.deepStrictEqual(
        lines.map(({ message }) => message),
        ["from the flow", "from the step"],
        "what a called flow says is in the log of its own run only"
      )
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("is indented, counted and ended for itself alone", () =>
    Effect.gen(function* () {
      const step = Step.make("groups", {
        input: { i: Schema.Number },
        run: ({ i }) =>
          Effect.promise(async () => {
            console.count("task")
            console.group(`group ${i}`)
            await Promise.resolve()
            console.log("inside")
            process.stdout.end("the end")
          })
      })
      const flow = Flow.make("F", { steps: [step], run: () => Step.forEach([1, 2], (i) => step({ i })) })
      const { lines } = yield* recorded(flow)
      assert.isFalse(process.stdout.writableEnded)
      for (const i of [1, 2]) {
        assert.deepStrictEqual(
          lines.filter(({ task }) => task === `groups/${i}`).map(({ message }) => message),
          ["task: 1", `group ${i}`, "  inside", "the end"]
        )
      }
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("may be one line of very many parts", () =>
    Effect.gen(function* () {
      const parts = 300_000 // looked through for a line's end at each part, they would take minutes
      const step = Step.make("dots", {
        run: () =>
          Effect.sync(() => {
            for (let part = 0; part < parts; part++) process.stdout.write(".")
          })
      })
      const { lines } = yield* recorded(Flow.make("F", { steps: [step], run: () => step() }))
      assert.deepStrictEqual(
        lines.map(({ message }) => message.length),
        [parts]
      )
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("CurrentTask can be taken apart", () =>
    Effect.gen(function* () {
      const step = Step.make("parts", {
        run: Effect.fnUntraced(function* () {
          const { addTags, metric, removeTags, scratch } = yield* CurrentTask
          yield* metric("loss", 1)
          yield* addTags("a", "b")
          yield* removeTags("a")
          yield* scratch
        })
      })
      const { run } = yield* recorded(Flow.make("F", { steps: [step], run: () => step() }))
      assert.deepStrictEqual(run.tags, ["b"])
      assert.strictEqual((yield* Run.metrics(run)).length, 1)
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})

describe("a timeout", () => {
  it.effect("counts from when the attempt has its place", () =>
    Effect.gen(function* () {
      const step = Step.make("waits", {
        input: { i: Schema.Number },
        timeout: "400 millis",
        run: () => Effect.sleep(150)
      })
      const flow = Flow.make("F", { steps: [step], run: () => Step.forEach([1, 2, 3, 4, 5], (i) => step({ i })) })
      const fiber = yield* Effect.forkChild(
        Effect.exit(Flow.run(flow, {}).pipe(Effect.provide(Executor.layerFibers({ concurrency: 1 }))))
      )
      yield* TestClock.adjust(1000)
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(fiber)))
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("and so do the times of attempts and tasks, however they end", () =>
    Effect.gen(function* () {
      const step = Step.make("waits", {
        input: { i: Schema.Number },
        error: Schema.String,
        retry: { times: 1, while: (error) => error === "once" },
        run: ({ i }) =>
          Effect.gen(function* () {
            yield* Effect.sleep(100)
            const { attempt } = yield* CurrentTask
            if (i === 2 && attempt === 1) return yield* Effect.fail("once")
            if (i === 3) return yield* Effect.fail("for good")
          })
      })
      const flow = Flow.make("F", {
        steps: [step],
        run: () => Step.forEach([1, 2, 3], (i) => Effect.exit(step({ i }))).pipe(Effect.asVoid)
      })
      const fiber = yield* Effect.forkChild(
        Flow.run(flow, {}).pipe(Effect.provide(Executor.layerFibers({ concurrency: 1 })))
      )
      yield* TestClock.adjust(1000)
      yield* Fiber.join(fiber)
      const { startedAt: from } = yield* Run.get("latest")
      const times = (record: RunRecord.AttemptRecord | RunRecord.TaskRecord) => [
        RunRecord.beganAt(record) - from,
        (record.finishedAt ?? 0) - from
      ]
      assert.deepStrictEqual(
        (yield* Run.tasks("latest")).map((task) => [task.status, times(task), ...task.attempts.map(times)]),
        [
          ["succeeded", [0, 100], [0, 100]],
          ["succeeded", [100, 400], [100, 200], [300, 400]],
          ["failed", [200, 300], [200, 300]]
        ]
      )
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.live("fails a body that never paused once it comes back, and points to threads", () =>
    Effect.gen(function* () {
      const step = Step.make("busy", {
        timeout: "20 millis",
        run: () =>
          Effect.sync(() => {
            for (const start = performance.now(); performance.now() - start < 90; );
          })
      })
      const { run } = yield* recorded(Flow.make("F", { steps: [step], run: () => step() }))
      assert.strictEqual(run.error?.tag, "TaskTimeout")
      assert.match(run.error?.message ?? "", /busy\/1 of run .* timeout of 20 ms .*Run the step on a thread/)
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})

describe("a numeric option", () => {
  const step = (options: object) => () => Step.make("s", { ...options, run: () => Effect.void })
  const refused: ReadonlyArray<readonly [name: string, make: () => unknown]> = [
    ...[0, -1, 1.5, Number.NaN].flatMap((n) => [
      [`\`concurrency\` of Executor.layerFibers (${n})`, () => Executor.layerFibers({ concurrency: n })] as const,
      [`\`size\` of Executor.layerThreads (${n})`, () => Executor.layerThreads({ module: "x", size: n })] as const
    ]),
    ...[-1, 1.5, Number.NaN].map((n) => [`\`retry.times\` of step "s" (${n})`, step({ retry: { times: n } })] as const),
    ...[0, -5, Number.NaN, "soon"].map((n) => [`\`timeout\` of step "s" (${n})`, step({ timeout: n })] as const)
  ]
  for (const [name, make] of refused) {
    it(`${name} is refused with a sentence`, () => {
      const option = name.slice(0, name.indexOf(" ("))
      assert.throws(make, new RegExp(`^${option.replace(/[.]/g, "\\.")} must be a .*, but it is `))
    })
  }

  it.effect("is refused within a flow's body as the run's failure", () =>
    Effect.gen(function* () {
      for (const n of [0, -1, 0.5, Number.NaN]) {
        const each = yield* recorded(flowOf(() => Step.forEach([1], () => number(), { concurrency: n })))
        assert.match(each.run.error?.message ?? "", /^`concurrency` of Step\.forEach must be/)
        const loop = yield* recorded(
          flowOf(() => Flow.iterate(0, { while: () => Effect.succeed(false), body: Effect.succeed, limit: n }))
        )
        assert.match(loop.run.error?.message ?? "", /^`limit` of Flow\.iterate must be/)
      }
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})

it.effect("an observer that throws has no part in how a run ends", () =>
  Effect.gen(function* () {
    const { RunObserver } = yield* Effect.promise(() => import("../../../src/RunObserver.ts"))
    const flow = Flow.make("F", { steps: [number], run: () => number() })
    yield* Effect.provideService(Flow.run(flow, {}), RunObserver, () => {
      throw new Error("no")
    })
    const runs = yield* RunStore.RunStore
    assert.strictEqual((yield* runs.runs({}))[0]?.status, "succeeded")
  }).pipe(Effect.provide(Storage.layerMemory))
)
