/**
 * The fencing token of a run's driver (`RunStore.Driver`), as every store makes it and refuses one that is out of date.
 */
import { randomBytes } from "node:crypto"
import type { RunRecord } from "../../RunRecord.ts"
import type { Driver } from "./runStore.ts"
import { StoreError } from "./storeError.ts"

/** A new token. */
export const makeToken = (): string => randomBytes(12).toString("hex")

/** What a message says of the run. */
export type Holder = Pick<RunRecord, "status" | "host" | "pid">

/** Says why a driver's write was refused: of a copy, that the run is there, or is copied by another process. */
export const refusal = ({ isCopy, run }: Pick<Driver, "isCopy" | "run">, record: Holder | undefined): StoreError =>
  isCopy === true && record === undefined
    ? new StoreError({
        reason: "lost",
        message: `Run ${run} is now being copied into the same store by another process, which began later. It is there once that one is done; if that one fails, copy the run again.`
      })
    : error(run, record)

/** Says who holds a run that a claim, or a driver's write, was refused for. */
export const error = (run: string, record: Holder | undefined): StoreError =>
  new StoreError({
    reason: "lost",
    message:
      record === undefined
        ? `Run ${run} is no longer in the store: it was removed. Its driver stops.`
        : record.status === "running"
          ? `Run ${run} is driven by another process (${record.pid} on ${record.host}). Read its result from the store when it has ended.`
          : `Run ${run} has already ended: it ${record.status === "succeeded" ? "succeeded" : record.status === "failed" ? "failed" : "was interrupted"}.`
  })
