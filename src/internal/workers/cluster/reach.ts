/** Checks that addresses of workers resolve, and that something answers at them. */
import { lookup } from "node:dns/promises"
import { connect } from "node:net"
import * as Effect from "effect/Effect"
import { ExecutorError } from "../../../Executor.ts"
import { codeOf } from "../../cause.ts"

const timeoutMs = 2000

/** Refuses a worker whose host name does not resolve: nobody could reach it. */
export const checkResolves = (host: string): Effect.Effect<void, ExecutorError> =>
  Effect.tryPromise({
    try: () => lookup(host),
    catch: (cause) =>
      new ExecutorError({
        reason: "settings",
        message: `The name "${host}" of this worker does not resolve (${codeOf(cause) ?? "no answer"}). Set EFFECT_FLOW_HOST to a name or address by which drivers and other workers reach this machine.`
      })
  }).pipe(Effect.asVoid)

/** Why nothing answers at an address; nothing if something does. */
const obstacle = (address: string): Effect.Effect<string | undefined> =>
  Effect.callback((resume) => {
    const at = address.lastIndexOf(":")
    const socket = connect({ host: address.slice(0, at), port: Number(address.slice(at + 1)), timeout: timeoutMs })
    const end = (result: string | undefined) => {
      socket.destroy()
      resume(Effect.succeed(result))
    }
    socket.once("connect", () => end(undefined))
    socket.once("timeout", () => end(`no answer within ${timeoutMs / 1000} s`))
    socket.once("error", (error) => end(codeOf(error) ?? error.message))
    return Effect.sync(() => socket.destroy())
  })

/** Warns of workers that this process can't reach. */
export const warnOfUnreachable = Effect.fnUntraced(function* (
  addresses: ReadonlyArray<string>,
  self: string | undefined
) {
  yield* Effect.forEach(
    addresses,
    Effect.fnUntraced(function* (address) {
      const because = yield* obstacle(address)
      if (because === undefined) return
      yield* Effect.logWarning(
        address === self
          ? `This worker can't reach itself at ${address} (${because}). Others may not either: EFFECT_FLOW_HOST and EFFECT_FLOW_PORT are where they reach it, EFFECT_FLOW_LISTEN_HOST is where it listens.`
          : `Worker ${address} can't be reached from here (${because}): its tasks start a second late, when it looks for new ones. Check its EFFECT_FLOW_HOST and EFFECT_FLOW_PORT, and the network between.`
      )
    }),
    { concurrency: 8, discard: true }
  )
})
