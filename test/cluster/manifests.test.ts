/** The Kubernetes manifests of the cluster guide, checked against the types of Kubernetes' own API. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { problemsOf, type Resource, read } from "./manifests.ts"

const resources = ["kubernetes.yaml", "kubernetes-run.yaml"].flatMap((name) =>
  read(new URL(`../../examples/cluster/${name}`, import.meta.url))
)

describe("the manifests of the cluster guide", () => {
  it("are what Kubernetes' API allows", async () => {
    assert.isAtLeast(resources.length, 7)
    const deployment = resources.find(({ kind }) => kind === "Deployment") ?? assert.fail("no deployment")
    const container = deployment.spec?.template?.spec?.containers?.[0] ?? assert.fail("no container")
    const withContainer = (changed: object): Resource => ({
      ...deployment,
      spec: { ...deployment.spec, template: { ...deployment.spec?.template, spec: { containers: [changed] } } }
    })
    const wrong = [
      { ...deployment, spec: { ...deployment.spec, replicas: "two" } },
      withContainer({ ...container, comand: ["effect-flow"] }),
      withContainer({ env: container.env })
    ] as unknown as ReadonlyArray<Resource> // as a mistaken manifest has them
    const problems = await problemsOf([...resources, ...wrong])
    assert.deepStrictEqual(
      [...problems.keys()].sort((a, b) => a - b),
      wrong.map((_, index) => resources.length + index)
    )
    assert.match(problems.get(resources.length) ?? "", /'string' is not assignable to type 'number'/)
    assert.match(problems.get(resources.length + 1) ?? "", /comand/)
    assert.match(problems.get(resources.length + 2) ?? "", /Property 'name' is missing/)
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
