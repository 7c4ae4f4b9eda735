/**
 * What a step prints, as lines of its task's log. A thread runs one task at a time, so whatever goes through `console` or
 * the standard streams while it does so is that task's. What prints while none runs (a module that greets when it is
 * imported) goes to the process's stderr: stdout is for results.
 */
import * as Effect from "effect/Effect"

/** Takes a line of a stream. */
export type TakeLine = (stream: "stdout" | "stderr", line: string) => void

/** Where the lines go from now on; nowhere of a task's where there is none. */
export interface Output {
  readonly to: (take: TakeLine | undefined) => void
}

/** Takes over the streams of this thread. */
export const capture = (): Output => {
  let taker: TakeLine | undefined
  const rest = { stdout: "", stderr: "" }
  const write = process.stderr.write.bind(process.stderr)

  const patch = (stream: "stdout" | "stderr") => {
    const decoder = new TextDecoder()
    process[stream].write = (chunk: string | Uint8Array, encoding?: unknown, done?: unknown): boolean => {
      const callback = typeof encoding === "function" ? encoding : done
      if (taker === undefined) write(chunk)
      else {
        const lines = (
          rest[stream] + (typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }))
        ).split("\n")
        rest[stream] = lines.pop() ?? ""
        for (const line of lines) taker(stream, line)
      }
      if (typeof callback === "function") queueMicrotask(() => callback())
      return true
    }
  }
  patch("stdout")
  patch("stderr")
  return {
    to: (take) => {
      for (const stream of ["stdout", "stderr"] as const) {
        if (rest[stream] !== "") taker?.(stream, rest[stream])
        rest[stream] = ""
      }
      taker = take
    }
  }
}

/** Lends the output to an effect. */
export const during =
  (output: Output, take: TakeLine) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.acquireUseRelease(
      Effect.sync(() => output.to(take)),
      () => effect,
      () => Effect.sync(() => output.to(undefined))
    )
