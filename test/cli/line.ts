/** The command line in this process: its words go in, what it writes and its exit code come out. */
import * as Effect from "effect/Effect"
import type { Any as AnyFlow } from "../../src/Flow.ts"
import type { Cli } from "../../src/internal/cli/cli.ts"
import { interpret } from "../../src/internal/cli/interpret.ts"
import * as FlowLayers from "../../src/internal/workers/flowLayers.ts"

/** What a command line did. */
export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const collect = () => {
  const parts: Array<string> = []
  return { stream: { write: (text: string) => parts.push(text) }, text: () => parts.join("") }
}

/**
 * A flow's command line over a directory, or what its words name; the package's own where there is no flow.
 *
 * @param module The file that exports the flow.
 */
export const line =
  (flow: AnyFlow | undefined, module: string, directory?: string, environment: Cli["environment"] = {}) =>
  (...words: ReadonlyArray<string>): Effect.Effect<Ended> => {
    const out = collect()
    const err = collect()
    const cli: Cli = {
      subject: flow === undefined ? undefined : { flow, layer: FlowLayers.layerOf(flow), module },
      name: flow === undefined ? "effect-flow" : "flow.ts",
      invocation: flow === undefined ? "npx effect-flow" : "npx tsx flow.ts",
      version: "0.0.0",
      stdout: out.stream,
      stderr: err.stream,
      environment,
      state: {}
    }
    return Effect.map(
      interpret(cli, flow === undefined, directory === undefined ? words : [...words, "--directory", directory]),
      (code): Ended => ({ code, stdout: out.text(), stderr: err.text() })
    )
  }
