/** The hub of live events as a shared worker: all tabs of the page have the same. */
import { type FromTab, makeHub } from "./hub.ts"

const attach = makeHub()

self.addEventListener("connect", (event) => {
  const [port] = (event as MessageEvent).ports
  if (port === undefined) return
  const take = attach((message) => port.postMessage(message))
  port.onmessage = ({ data }: MessageEvent<FromTab>) => take(data)
})
