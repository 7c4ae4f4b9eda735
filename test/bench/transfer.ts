/**
 * Puts or gets one artifact in a process of its own, and prints how long that took and how much memory. `objects.ts` runs
 * it on the built package, without the loaders and compilers of this repository, whose memory is not the library's.
 */

import { readFileSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ArtifactStore } from "effect-flow/ArtifactStore"
import * as Storage from "effect-flow/Storage"

/** What is transferred: a file is put, an artifact is got as a file or as a stream that is read to its end. */
const { place, runs, value, what } = JSON.parse(process.env.TRANSFER ?? "")

const work = Effect.gen(function* () {
  const store = yield* ArtifactStore
  const baseMegabytes = process.memoryUsage.rss() / 1e6
  const start = performance.now()
  let digest = value
  if (what === "put") digest = (yield* store.putFile(value)).digest
  else if (what === "file") yield* store.path(value)
  else yield* Stream.runDrain(store.stream(value, undefined, { reuse: true }))
  return { digest, baseMegabytes, seconds: (performance.now() - start) / 1000 }
})

const result = await Effect.runPromise(Effect.provide(work, Storage.layerS3({ ...place, runs, valueBytes: 0 })))
// On Linux, the largest size that the system reports for a process counts that of its parent in, from before it began.
const status = process.platform === "linux" ? readFileSync("/proc/self/status", "utf8") : ""
const peakKilobytes = Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? process.resourceUsage().maxRSS) * 1.024
console.log(JSON.stringify({ ...result, peakMegabytes: peakKilobytes / 1000 }))
