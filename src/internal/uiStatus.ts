import type { RunRecord } from "../RunRecord.ts"
import type { ShownStatus } from "./uiApi.ts"

export const shownStatus = (run: RunRecord, now: number): ShownStatus =>
  run.status === "running" && now - run.heartbeatAt > 30_000 ? "crashed" : run.status
