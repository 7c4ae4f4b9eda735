import * as Schema from "effect/Schema"
import * as Artifact from "../Artifact.ts"
import type { RefRecord } from "../RunRecord.ts"
export const genericArtifact = (_record: RefRecord) => Artifact.json(Schema.Unknown)
