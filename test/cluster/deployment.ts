/** A module of workers: two flows in the version that its URL names (`deployment.ts?version=2`). */
import type * as Flows from "../executor/flows.ts"
import { make } from "./versioned.ts"

const version = new URL(import.meta.url).searchParams.get("version") ?? "1"

export const VersionedFlow = make(version)

const flows: typeof Flows = await import(new URL(`../executor/flows.ts?version=${version}`, import.meta.url).href)
export const CountedFlow = flows.CountedFlow
