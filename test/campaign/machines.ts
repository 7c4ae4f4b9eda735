/**
 * Machines on a network: namespaces of Linux, each with an address of its own, joined by a bridge. Unplugging one loses what
 * is sent to and from it, without a word to either side, as a partition does. It needs root and `ip` (Debian's `iproute2`).
 */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

const ip = (words: string) => Effect.promise(() => promisify(execFile)("ip", words.split(" ")))

/** A machine. */
export interface Machine {
  readonly address: string
  /** The words before a command that runs on it. */
  readonly command: ReadonlyArray<string>
  readonly unplug: Effect.Effect<void>
  readonly plugIn: Effect.Effect<void>
}

/** A network. */
export interface Network {
  /** The address of this process on it. */
  readonly address: string
  /** Adds a machine, which is removed with the scope. */
  readonly machine: Effect.Effect<Machine, never, Scope.Scope>
}

/** Whether this process may make networks. */
export const isPossible: Effect.Effect<boolean> = Effect.promise(async () => {
  const name = `probe${process.pid}`
  try {
    await promisify(execFile)("ip", ["netns", "add", name])
    await promisify(execFile)("ip", ["netns", "del", name])
    return true
  } catch {
    return false
  }
})

/** A network that ends with the scope. Its number keeps it apart from those of other processes. */
export const make: Effect.Effect<Network, never, Scope.Scope> = Effect.gen(function* () {
  const number = process.pid % 10_000
  const subnet = `10.${200 + Math.floor(number / 250)}.${number % 250}`
  const bridge = `efb${number}`
  const address = `${subnet}.1`
  yield* Effect.acquireRelease(ip(`link add ${bridge} type bridge`), () => ip(`link del ${bridge}`))
  yield* ip(`addr add ${address}/24 dev ${bridge}`)
  yield* ip(`link set ${bridge} up`)
  let last = 1
  const machine = Effect.gen(function* () {
    const own = ++last
    const name = `ef${number}n${own}`
    const plug = `ef${number}p${own}`
    const card = `ef${number}c${own}`
    // Removing a namespace waits until its processes have ended; its card and so the plug go with it.
    yield* Effect.acquireRelease(ip(`netns add ${name}`), () => ip(`netns del ${name}`))
    yield* ip(`link add ${plug} type veth peer name ${card}`)
    yield* ip(`link set ${card} netns ${name}`)
    yield* ip(`link set ${plug} master ${bridge}`)
    for (const words of [`addr add ${subnet}.${own}/24 dev ${card}`, `link set ${card} up`, "link set lo up"]) {
      yield* ip(`netns exec ${name} ip ${words}`)
    }
    const plugIn = Effect.asVoid(ip(`link set ${plug} up`))
    yield* plugIn
    return {
      address: `${subnet}.${own}`,
      command: ["ip", "netns", "exec", name],
      unplug: Effect.asVoid(ip(`link set ${plug} down`)),
      plugIn
    } satisfies Machine
  })
  return { address, machine }
})
