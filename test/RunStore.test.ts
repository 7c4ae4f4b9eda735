/** The conformance suite of `RunStore`, against each store there is. */
import * as Drivers from "./conformance/drivers.ts"
import { layers } from "./conformance/layers.ts"
import * as Records from "./conformance/runStore.ts"
import * as Order from "./conformance/runStoreOrder.ts"

for (const { layer, name } of layers) {
  Drivers.suite(name, layer)
  Records.suite(name, layer)
  Order.suite(name, layer)
}
