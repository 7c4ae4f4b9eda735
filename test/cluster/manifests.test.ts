/** The Kubernetes manifests of the cluster guide, checked against Kubernetes' own schemas. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { modelOf, read } from "./manifests.ts"

const isInstalled = await modelOf({ apiVersion: "apps/v1", kind: "Deployment" }).then(
  () => true,
  () => false
)
if (!isInstalled) console.info("Skipped: the manifests of the cluster guide. Install kubernetes-models to check them.")

const resources = ["kubernetes.yaml", "kubernetes-run.yaml"].flatMap((name) =>
  read(new URL(`../../examples/cluster/${name}`, import.meta.url))
)

describe("the manifests of the cluster guide", () => {
  it.skipIf(!isInstalled)("are what Kubernetes' schemas allow", async () => {
    assert.isAtLeast(resources.length, 7)
    for (const resource of resources) new (await modelOf(resource))(resource).validate()
    const Deployment = await modelOf({ apiVersion: "apps/v1", kind: "Deployment" })
    assert.throws(() => new Deployment({ spec: { replicas: "two" } }).validate(), /replicas must be integer/)
  })

  it("set only variables that the guide explains", () => {
    const guide = readFileSync(new URL("../../examples/cluster/README.md", import.meta.url), "utf8")
    const names = resources.flatMap(
      ({ spec }) => spec?.template?.spec?.containers?.flatMap(({ env = [] }) => env.map(({ name }) => name)) ?? []
    )
    assert.include(names, "EFFECT_FLOW_HEALTH_PORT")
    for (const name of names) assert.include(guide, `\`${name}\``)
  })
})
