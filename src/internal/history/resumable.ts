/** Checks that no other process is already resuming a run in the same way: one resume is enough. */
import * as Effect from "effect/Effect"
import { FlowError } from "../../FlowError.ts"
import type { RunRecord } from "../../RunRecord.ts"
import { RunStore } from "../../RunStore.ts"
import * as CanonicalJson from "../schema/canonicalJson.ts"
import * as Reading from "./reading.ts"

/**
 * Fails with `FlowError` of the reason `alive` if a live run resumes this one from the same step with the same parameters.
 *
 * @param parameters The parameters of the new run, encoded.
 */
export const check = Effect.fnUntraced(function* (origin: RunRecord, from: string | undefined, parameters: object) {
  const text = CanonicalJson.stringify(parameters)
  for (const run of yield* (yield* RunStore).runs({ origin: origin.id, status: "running" })) {
    if (run.from !== from || CanonicalJson.stringify(run.parameters) !== text) continue
    if ((yield* Reading.status(run)) !== "running") continue
    return yield* new FlowError({
      reason: "alive",
      message: `Run ${origin.id} of flow "${origin.flow}" is being resumed by another process, as run ${run.id} (process ${run.pid} on ${run.host}).`
    })
  }
})
