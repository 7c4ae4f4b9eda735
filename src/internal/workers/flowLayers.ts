/**
 * The flows that modules have handed to `FlowCli.main`, with the layers of what they need. Where such a module is imported
 * rather than started, by a worker thread or by `effect-flow --module`, this is how the layer is found.
 */
import type * as Layer from "effect/Layer"
import type { Any as AnyFlow } from "../../Flow.ts"

/** A flow as its module offers it. */
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

/** Notes that a module offers a flow. */
export const offer = (offered: Offered): void => void list().push(offered)

/** What has been offered so far, in order. */
export const all = (): ReadonlyArray<Offered> => list()

/** The layer that a flow was offered with. */
export const layerOf = (flow: AnyFlow): Layer.Layer<any, any, any> | undefined =>
  list().findLast((offered) => offered.flow === flow)?.layer
