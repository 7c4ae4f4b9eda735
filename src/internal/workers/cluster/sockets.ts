/**
 * The connections between workers and drivers. With a secret they are TLS connections that both ends open with a key made of
 * it, so that nobody without the secret can connect or listen in; without one they are plain, and a worker listens on
 * loopback only (see `settings.ts`).
 */
import { createHash } from "node:crypto"
import type { ConnectionOptions, TlsOptions } from "node:tls"
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import * as RunnerHealth from "effect/cluster/RunnerHealth"
import * as Runners from "effect/cluster/Runners"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as SocketRunner from "effect/cluster/SocketRunner"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import { Socket } from "effect/socket/Socket"
import type { Settings, Shared } from "./settings.ts"

/** Pre-shared keys with forward secrecy. Source: RFC 5489, and RFC 7905 for ChaCha20. */
const tls = {
  ciphers: "ECDHE-PSK-CHACHA20-POLY1305:ECDHE-PSK-AES256-CBC-SHA384",
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.2"
} as const

const identity = "effect-flow"

const keyOf = (secret: Redacted.Redacted): Buffer =>
  createHash("sha256")
    .update(`effect-flow/cluster-key/1\0${Redacted.value(secret)}`)
    .digest()

/** A fingerprint that tells secrets apart without revealing them. */
export const fingerprint = (secret: Redacted.Redacted | undefined): string =>
  secret === undefined
    ? ""
    : createHash("sha256")
        .update(`effect-flow/cluster-fingerprint/1\0${Redacted.value(secret)}`)
        .digest("hex")
        .slice(0, 16)

/** JSON lines, because messages have unions (for example of JSON values) that the binary format can't distinguish. */
const serialization = RpcSerialization.layerNdjsonWith({ maxBufferSize: "unbounded" })

/** As in Effect's own sockets. */
const openTimeoutMs = 1000
const idleTimeoutMs = 5500

const clientProtocol = ({
  secret
}: Shared): Layer.Layer<Runners.RpcClientProtocol, never, RpcSerialization.RpcSerialization> => {
  if (secret === undefined) return NodeClusterSocket.layerClientProtocol
  const options: ConnectionOptions = {
    ...tls,
    // The key proves who the other end is; there are no certificates.
    checkServerIdentity: () => undefined,
    pskCallback: () => ({ psk: keyOf(secret), identity })
  }
  return Layer.effect(
    Runners.RpcClientProtocol,
    Effect.map(RpcSerialization.RpcSerialization, (serialization) => ({
      codecFor: serialization.codecFor,
      make: (address) =>
        Effect.flatMap(
          NodeSocket.makeTls({
            ...options,
            host: address.host,
            port: address.port,
            timeout: idleTimeoutMs,
            openTimeout: openTimeoutMs
          }),
          (socket) =>
            RpcClient.makeProtocolSocket().pipe(
              Effect.provideService(Socket, socket),
              Effect.provideService(RpcSerialization.RpcSerialization, serialization)
            )
        )
    }))
  )
}

const server = ({ host, listenHost, port, secret }: Settings) => {
  const address = { host: listenHost ?? host, port }
  if (secret === undefined) return NodeSocketServer.layer(address)
  const options: TlsOptions = {
    ...tls,
    pskCallback: (_socket, given) => (given === identity ? keyOf(secret) : null)
  }
  return NodeSocketServer.layerTls({ ...options, ...address })
}

/** The sockets of a process that only submits work. */
export const client = (settings: Shared, config: Partial<ShardingConfig.ShardingConfig["Service"]>) =>
  Layer.provide(SocketRunner.layerClientOnly, clientProtocol(settings)).pipe(
    Layer.provide(ShardingConfig.layerFromEnv(config)),
    Layer.provide(serialization)
  )

/** The sockets of a process that executes work. */
export const worker = (settings: Settings, config: Partial<ShardingConfig.ShardingConfig["Service"]>) => {
  const protocol = clientProtocol(settings)
  const health =
    settings.health === "k8s"
      ? Layer.provide(
          RunnerHealth.layerK8s({ namespace: settings.namespace, labelSelector: settings.labels }),
          NodeClusterSocket.layerK8sHttpClient
        )
      : Layer.provide(RunnerHealth.layerPing, Layer.provide(Runners.layerRpc, protocol))
  return Layer.provide(SocketRunner.layer, [server(settings), protocol]).pipe(
    Layer.provide(health),
    Layer.provide(ShardingConfig.layerFromEnv(config)),
    Layer.provide(serialization)
  )
}
