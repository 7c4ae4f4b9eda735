/**
 * Kubernetes manifests, checked as values of the types that Kubernetes' API has: with no field that the API does not know,
 * and with all that it asks for.
 */
import { readFileSync } from "node:fs"
import { parseAllDocuments } from "yaml"
import { compile } from "../support/compile.ts"

/** What a manifest describes. */
export interface Resource {
  readonly apiVersion: string
  readonly kind: string
  readonly spec?: { readonly template?: { readonly spec?: { readonly containers?: ReadonlyArray<Container> } } }
}
interface Container {
  readonly env?: ReadonlyArray<{ readonly name: string }>
}

/** The resources of a file. */
export const read = (file: string | URL): ReadonlyArray<Resource> =>
  parseAllDocuments(readFileSync(file, "utf8")).map((document) => document.toJS())

/** The module with a resource's type: `networking/v1` for the API `networking.k8s.io/v1`, and `core/v1` for plain `v1`. */
const moduleOf = ({ apiVersion }: Resource): string => {
  const [group = "", version] = apiVersion.split("/")
  return version === undefined
    ? `kubernetes-types/core/${group}.js`
    : `kubernetes-types/${group.split(".")[0]}/${version}.js`
}

const snippetOf = (resource: Resource): string =>
  `import type { ${resource.kind} } from "${moduleOf(resource)}"
export const resource: ${resource.kind} = ${JSON.stringify(resource, undefined, 2)}
`

/** What Kubernetes' API does not allow in resources: a message for each that it would refuse, by the resource's place. */
export const problemsOf = async (resources: ReadonlyArray<Resource>): Promise<ReadonlyMap<number, string>> => {
  const files = Object.fromEntries(resources.map((resource, index) => [`resource${index}.ts`, snippetOf(resource)]))
  const messages = await compile("manifests", files)
  return new Map([...messages].map(([file, message]) => [Number(/\d+/.exec(file)?.[0]), message]))
}

/** What is not allowed in a file, if anything. */
export const problemOf = async (file: string | URL): Promise<string | undefined> => {
  const [problem] = (await problemsOf(read(file))).values()
  return problem
}
