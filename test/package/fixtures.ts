/** The programs that the package is tried with. */

/** README's first flow as a library exports it: every step, and no command line. */
export const words = (blocks: ReadonlyArray<string>): string =>
  (blocks[0] ?? "")
    .replaceAll(/^const /gm, "export const ")
    .replace(/^FlowCli\.main.*$/m, "")
    .replace("FlowCli, ", "")

export const main = `import { FlowCli } from "effect-flow"
import { WordsFlow } from "./words.js"

FlowCli.main(WordsFlow)
`

export const app = `import { Effect } from "effect"
import { Flow, Storage } from "effect-flow"
import { WordsFlow } from "./words.js"

const program = Effect.flatMap(Flow.run(WordsFlow, {}), ({ output }) => output.report)
Effect.runPromise(program.pipe(Effect.provide(Storage.layerLocal({ directory: "store" })))).then((report) =>
  console.log(report)
)
`

export const threads = `import { Effect } from "effect"
import { Executor, Flow, Storage } from "effect-flow"
import { WordsFlow } from "./words.js"

const module = import.meta.url === undefined ? "words.js" : new URL("./words.js", import.meta.url)
const program = Effect.flatMap(Flow.run(WordsFlow, {}), ({ output }) => output.report).pipe(
  Effect.provide(Executor.layerThreads({ module, size: 1 })),
  Effect.provide(Storage.layerLocal({ directory: "threads-store" }))
)
Effect.runPromise(program).then(
  (report) => console.log(report),
  (error) => {
    console.error(error.message)
    process.exitCode = 1
  }
)
`

export const consumer = `const { Effect } = require("effect")
const { Flow, Storage } = require("effect-flow")
const { WordsFlow } = require("./words.js")

const program = Effect.flatMap(Flow.run(WordsFlow, {}), ({ output }) => output.report)
Effect.runPromise(program.pipe(Effect.provide(Storage.layerMemory))).then((report) => console.log(report))
`

export const jest = `import { Effect } from "effect"
import { Flow, Storage } from "effect-flow"
import { WordsFlow } from "./words.js"

test("the flow reports", async () => {
  const program = Effect.flatMap(Flow.run(WordsFlow, {}), ({ output }) => output.report)
  expect(await Effect.runPromise(program.pipe(Effect.provide(Storage.layerMemory)))).toContain("pipelines")
})
`

/** What a library may export, whose types must have names outside this package. */
export const surface = `import { Effect, Schedule, Schema, Stream } from "effect"
import { Artifact, Flow, Run, Step, Storage } from "effect-flow"
import { runStep } from "effect-flow/testing"

export const Reviews = Artifact.table({ text: Schema.String, stars: Schema.Int })
export const bytes = Artifact.bytes("image/png")
export class TooLong extends Schema.TaggedError<TooLong>()("TooLong", { limit: Schema.Number }) {}

export const load = Step.make("load", {
  output: { reviews: Reviews, limits: Schema.Array(Schema.Number) },
  run: () => Effect.succeed({ reviews: { numRows: 0, columns: { text: [], stars: new Int32Array() } } as never, limits: [1, 2] })
})
export const cut = Step.make("cut", {
  input: { limit: Schema.Number },
  output: { length: Schema.Number },
  error: TooLong,
  retry: Schedule.recurs(2),
  timeout: "1 second",
  run: ({ limit }) => (limit > 9 ? Effect.fail(new TooLong({ limit })) : Effect.succeed({ length: limit }))
})
export const total = Step.join("total", { cuts: Step.many(cut) }, {
  output: { sum: Schema.Number },
  run: ({ cuts }) => Effect.succeed({ sum: cuts.reduce((sum, { length }) => sum + length, 0) })
})
export const body = Effect.fnUntraced(function* () {
  const data = yield* load()
  const cuts = yield* Step.forEach(data.limits, (limit) => cut({ limit }))
  return yield* total({ cuts })
})
export const CutFlow = Flow.make("CutFlow", {
  parameters: { seed: Flow.parameter(Schema.Number, { default: 1 }) },
  steps: [load, cut, total],
  run: () => body()
})
const nothing: { readonly note: null; readonly list: ReadonlyArray<undefined> } = { note: null, list: [] }
export const NullFlow = Flow.make("NullFlow", { steps: [cut], run: () => Effect.as(cut({ limit: 1 }), nothing) })
export const ran = Flow.run(CutFlow, {})
export const provided = ran.pipe(Effect.provide(Storage.layerMemory))
export const latest = Run.latest("CutFlow")
export const events = Run.events("latest")
export const finished = events.pipe(Stream.map((event) => (event._tag === "TaskFinished" ? event : undefined)))
export const tested = runStep(cut, { limit: 1 })
`

export const train = `import { Effect } from "effect"
import { Nbow, Tensorflow } from "effect-flow/nbow"

const texts = ["good warm", "bad cold", "good soft", "bad rough"]
const fit = Nbow.fit({ texts, labels: [1, 0, 1, 0] }, { epochs: 1 })
Effect.runPromise(Effect.flip(Effect.provide(fit, Tensorflow.layer))).then((error) => console.log(String(error)))
`

/** A project with one page and one route. */
export const next: Readonly<Record<string, string>> = {
  "app/layout.tsx": `export default function Layout({ children }: { children: React.ReactNode }) {
  return <html><body>{children}</body></html>
}
`,
  "app/page.tsx": `export default function Page() {
  return <p>Hello</p>
}
`,
  "app/api/train/route.ts": `import { Effect, Schema } from "effect"
import { Flow, Step, Storage } from "effect-flow"
import { Nbow, Tensorflow } from "effect-flow/nbow"

export const dynamic = "force-dynamic"

const train = Step.make("train", {
  input: { texts: Schema.Array(Schema.String), labels: Schema.Array(Schema.Literals([0, 1])) },
  output: { model: Nbow.Model },
  run: ({ labels, texts }) => Nbow.fit({ texts, labels: [...labels] }).pipe(Effect.map((model) => ({ model })))
})
const TrainFlow = Flow.make("TrainFlow", {
  steps: [train],
  run: () => train({ texts: ["good", "bad"], labels: [1, 0] })
})

export async function GET() {
  const run = Flow.run(TrainFlow, {}).pipe(Effect.provide([Tensorflow.layer, Storage.layerMemory]))
  return Response.json({ run: (await Effect.runPromise(run)).id })
}
`
}

/** A program whose author does not ask the compiler for its strict rules. */
export const loose = JSON.stringify({
  compilerOptions: {
    target: "es2024",
    module: "nodenext",
    types: ["node"],
    strict: false,
    skipLibCheck: true,
    noEmit: true
  },
  include: ["words.ts", "app.ts", "surface.ts"]
})

/** Declarations of everything, as a strict library would write them. */
export const tsconfig = (outDir: string): string =>
  JSON.stringify({
    compilerOptions: {
      target: "es2024",
      lib: ["es2024", "esnext.disposable", "esnext.iterator"],
      module: "nodenext",
      types: ["node"],
      strict: true,
      exactOptionalPropertyTypes: true,
      declaration: true,
      emitDeclarationOnly: true,
      allowImportingTsExtensions: true,
      rewriteRelativeImportExtensions: true,
      skipLibCheck: true,
      rootDir: ".",
      outDir
    },
    include: ["words.ts", "app.ts", "threads.ts", "surface.ts", "examples"]
  })
