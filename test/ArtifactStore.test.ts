/** The conformance suite of `ArtifactStore`, against each store there is. */
import { suite } from "./conformance/artifactStore.ts"
import { layers } from "./conformance/layers.ts"

for (const { layer, name } of layers) suite(name, layer)
