/** Ctrl-C ends a verb whose store fell silent in the middle, as a database on a suspended machine does. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Postgres from "../cluster/postgres.ts"
import { temporaryDirectory } from "../support/directory.ts"
import * as Silent from "../support/silent.ts"
import { TestFlow } from "./fixtures/flow.ts"
import { line } from "./line.ts"
import { flowFile, start } from "./process.ts"

interface Case {
  readonly words: ReadonlyArray<string>
  /** The statement that the store does not answer. */
  readonly at: RegExp
  readonly says: RegExp
}

const unanswered = /^The store did not answer within a second, so it was not waited for\./m
const changes = /A change that was sent to it may still be made\. Run the same command again to do the rest\.\n$/
const begins = /If a run was started, the verb `runs` lists it as crashed\.\n$/
const nothingMore = /not waited for\.\n$/

const cases: ReadonlyArray<Case> = [
  { words: ["runs"], at: /FROM runs/, says: nothingMore },
  { words: ["show"], at: /FROM tasks/, says: nothingMore },
  { words: ["logs"], at: /FROM logs/, says: nothingMore },
  { words: ["diff", "latest", "latest"], at: /FROM tasks/, says: nothingMore },
  { words: ["verify"], at: /FROM blobs/, says: nothingMore },
  { words: ["tag", "add", "latest", "good"], at: /INTO run_tags/, says: changes },
  { words: ["gc", "--keep-runs", "1"], at: /DELETE FROM/, says: changes },
  { words: ["run"], at: /INTO runs/, says: begins },
  { words: ["resume"], at: /INTO runs/, says: begins }
]

describe.skipIf(Postgres.binaries === undefined)("the first Ctrl-C ends", { concurrent: true }, () => {
  /** A store with two runs, of which the newer one failed. */
  const filled = Effect.gen(function* () {
    const url = yield* Postgres.database
    const blobs = yield* temporaryDirectory
    const here = line(TestFlow, flowFile)
    yield* here("run", "--database", url, "--blobs", blobs)
    yield* here("run", "--mode", "fail", "--database", url, "--blobs", blobs)
    return { url, blobs }
  })

  /** Starts a verb, presses Ctrl-C once the store is silent, and yields how it ended. */
  const interrupted = Effect.fnUntraced(function* (words: ReadonlyArray<string>, silent: Silent.Silent) {
    const running = yield* start(flowFile, words)
    const tooEarly = Effect.flatMap(running.ended, ({ stderr }) => Effect.die(new Error(`It ended: ${stderr}`)))
    yield* Effect.raceFirst(silent.isSilent, tooEarly)
    running.child.kill("SIGINT")
    const asksAgain = Effect.flatMap(Effect.exit(running.says("Press Ctrl-C again")), (said) =>
      Exit.isSuccess(said) ? Effect.die(new Error("It asks for a second Ctrl-C.")) : Effect.never
    )
    return yield* Effect.raceFirst(running.ended, asksAgain)
  })

  for (const { at, says, words } of cases) {
    it.live(`\`${words.join(" ")}\``, () =>
      Effect.gen(function* () {
        const { blobs, url } = yield* filled
        const silent = yield* Silent.make(url)
        silent.fallSilentAt((chunk) => at.test(chunk))
        const ended = yield* interrupted([...words, "--database", silent.url, "--blobs", blobs], silent)
        assert.match(ended.stderr, unanswered)
        assert.match(ended.stderr, says)
        assert.strictEqual(ended.code, 130)
      })
    )
  }

  it.live("`copy` to a store that does not answer, and the same command does the rest", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      yield* line(TestFlow, flowFile, directory)("run")
      const url = yield* Postgres.database
      const blobs = yield* temporaryDirectory
      const silent = yield* Silent.make(url)
      silent.fallSilentAt((chunk) => /INTO tasks/.test(chunk))
      const copy = (to: string) => ["copy", "latest", "--directory", directory, "--to", to, "--to-blobs", blobs]
      const ended = yield* interrupted(copy(silent.url), silent)
      assert.match(ended.stderr, unanswered)
      assert.match(ended.stderr, changes)
      assert.strictEqual(ended.code, 130)
      const again = yield* line(TestFlow, flowFile)(...copy(url))
      assert.match(again.stdout, /2 tasks and .* copied\./)
    })
  )
})
