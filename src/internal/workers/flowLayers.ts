/**
 * The flows that modules have passed to `FlowCli.main`, with their layers. If such a module is imported instead of
 * started, by a worker thread or by `effect-flow --module`, the layer is found here.
 */
import type * as Layer from "effect/Layer"
import { hasProperty } from "effect/Predicate"
import type { Any as AnyFlow } from "../../Flow.ts"

/** A flow that a module offers. */
export interface Offered {
  readonly flow: AnyFlow
  readonly layer: Layer.Layer<any, any, any> | undefined
}

// One list for a process, though a program may hold two copies of this package: a flow file's own, and the command line's.
const key = Symbol.for("effect-flow/offered")
const list = (): Array<Offered> => {
  const holder = globalThis as { [key]?: Array<Offered> }
  holder[key] ??= []
  return holder[key]
}

/** Registers a flow that a module offers. */
export const offer = (offered: Offered): void => void list().push(offered)

/** All offered flows, in order. */
export const all = (): ReadonlyArray<Offered> => list()

/** The layer that a flow was offered with. */
export const layerOf = (flow: AnyFlow): Layer.Layer<any, any, any> | undefined =>
  list().findLast((offered) => offered.flow === flow)?.layer

/** Whether a module's export is a flow, of whichever copy of this package. */
export const isFlow = (value: unknown): value is AnyFlow =>
  hasProperty(value, "flowName") && hasProperty(value, "definitions") && hasProperty(value, "body")
