/** A flow with a command line. It fails unless `EFFECT_FLOW_TEST_SOUND` is set. */
import * as FlowCli from "../../../src/FlowCli.ts"
import { failingFlow } from "./failing.ts"

export const OtherFlow = failingFlow("OtherFlow")

FlowCli.main(OtherFlow)
