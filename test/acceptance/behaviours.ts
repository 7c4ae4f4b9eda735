/** The behaviours of the acceptance suite, which hold for flows of any graph. */
import { data } from "./behaviours/data.ts"
import { failures } from "./behaviours/failures.ts"
import { records } from "./behaviours/records.ts"
import { resuming } from "./behaviours/resuming.ts"
import type { Behaviour } from "./harness.ts"

export const behaviours: ReadonlyArray<Behaviour> = [...data, ...failures, ...resuming, ...records]
