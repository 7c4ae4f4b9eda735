/** Kubernetes manifests, validated by the schemas of Kubernetes' API. */
import { readFileSync } from "node:fs"
import { parseAllDocuments } from "yaml"

/** What a manifest describes. */
export interface Resource {
  readonly apiVersion: string
  readonly kind: string
  readonly spec?: { readonly template?: { readonly spec?: { readonly containers?: ReadonlyArray<Container> } } }
}
interface Container {
  readonly env?: ReadonlyArray<{ readonly name: string }>
}

/** The class of a kind of resource, which validates by the schema. */
export const modelOf = async ({ apiVersion, kind }: Resource) => {
  const name = `kubernetes-models/${apiVersion}/${kind}`
  const module = (await import(name)) as Readonly<
    Record<string, new (resource: unknown) => { readonly validate: () => void }>
  >
  const Model = module[kind]
  if (Model === undefined) throw new Error(`${name} has no ${kind}.`)
  return Model
}

/** The resources of a file. */
export const read = (file: string | URL): ReadonlyArray<Resource> =>
  parseAllDocuments(readFileSync(file, "utf8")).map((document) => document.toJS())

/** What a schema does not allow in a file, if anything. */
export const problemOf = async (file: string | URL): Promise<string | undefined> => {
  try {
    for (const resource of read(file)) new (await modelOf(resource))(resource).validate()
    return undefined
  } catch (error) {
    return String(error)
  }
}
