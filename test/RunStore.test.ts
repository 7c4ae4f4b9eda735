/** The conformance suite of `RunStore`, against each store there is. */
import { layers } from "./conformance/layers.ts"
import { suite } from "./conformance/runStore.ts"

for (const { layer, name } of layers) suite(name, layer)
