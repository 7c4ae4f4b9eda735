/**
 * A port for a server that a test starts as a process. It is taken from below the range from which the system gives ports
 * to outgoing connections: those would take it while the server is not up yet, or is stopped in the middle of a test.
 */
import { randomInt } from "node:crypto"
import { createServer } from "node:net"

/** Below the ephemeral ports of Linux (32768 and up) and macOS (49152 and up). */
const [lowest, end] = [10_000, 32_000]

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once("error", () => resolve(false))
    server.listen(port, () => server.close(() => resolve(true)))
  })

/** Finds a port that no server of this machine uses. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = randomInt(lowest, end)
    if (await isFree(port)) return port
  }
}
