/**
 * The vectorizer and the metrics against scikit-learn: all stored cases, and then fresh ones, which the scripts of the fixtures
 * make where Python has scikit-learn 1.2; without it, this says so and compares the stored ones only.
 * `npx tsx test/campaign/sklearn.ts [rounds] [seed]` runs it; a round is 200 cases for each option and 500 for the metrics.
 */
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Binary from "../nbow/metricsRandom.ts"
import * as Multiclass from "../nbow/multiclassRandom.ts"
import * as Vectorizer from "../nbow/vectorizerRandom.ts"

const python = ["/usr/bin/python3", "python3"].find((command) => {
  try {
    const script = "import sklearn; assert sklearn.__version__.startswith('1.2')"
    execFileSync(command, ["-c", script], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
})

/** What a script makes of fresh cases. */
const fresh = <A>(name: string, seed: number, count: number): A => {
  const script = join(import.meta.dirname, "..", "fixtures", `${name}.py`)
  const output = execFileSync(python as string, [script, String(seed), String(count)], { maxBuffer: 1 << 28 }) // there is one
  return JSON.parse(output.toString()) as A // as the script has it
}

const compareVectorizer = (groups: Vectorizer.Groups) =>
  Effect.forEach(Object.keys(groups.groups), (group) => Vectorizer.compare(groups, group), { discard: true })

const [rounds = 5, seed = Math.floor(Math.random() * 2 ** 31)] = process.argv.slice(2).map(Number)

const program = Effect.gen(function* () {
  yield* compareVectorizer(Vectorizer.stored)
  yield* Binary.compare(Binary.stored)
  yield* Multiclass.compare(Multiclass.stored)
  yield* Effect.log("all stored cases are equal")
  if (python === undefined) return yield* Effect.log("no fresh cases: there is no Python with scikit-learn 1.2")
  for (let round = 0; round < rounds; round++) {
    const from = seed + 100 * round
    yield* compareVectorizer(fresh("vectorizer-random", from, 200))
    yield* Binary.compare(fresh("metrics-random", from, 500))
    yield* Multiclass.compare(fresh("multiclass-random", from, 500))
    yield* Effect.log(`round ${round + 1} of ${rounds}, seed ${from}: equal`)
  }
})

await Effect.runPromise(program)
