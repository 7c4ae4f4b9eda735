/**
 * Protects a store's contents from other web sites. A page of another site can make the browser send requests to this
 * server. Such requests are detected by the `Host` header (DNS rebinding), by `Origin` and by `Sec-Fetch-Site`.
 * Response headers forbid inline scripts, frames and foreign sources.
 */
import { isIP } from "node:net"
import { hostname } from "node:os"

/** The parts of a request that tell where it comes from. */
export interface RequestOrigin {
  readonly method: string
  readonly host: string | undefined
  readonly origin: string | undefined
  readonly site: string | undefined
  readonly mode: string | undefined
}

const localNames = new Set(["localhost", "127.0.0.1", "::1"])

/** Whether an address is only reachable from this machine. */
export const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || /^127\./.test(host)

/** Splits `name:port` and `[::1]:port`. */
const nameOf = (host: string): string | undefined =>
  /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::\d+)?$/i.exec(host)?.slice(1).find(Boolean)

/**
 * The reason to refuse a request, or `undefined`.
 *
 * @param listening The address that the server listens on.
 */
export const refusalOf = (
  request: RequestOrigin,
  listening: string
): { readonly status: number; readonly message: string } | undefined => {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return { status: 405, message: "This server is read-only: use GET or HEAD." }
  }
  const name = request.host === undefined ? undefined : nameOf(request.host.toLowerCase())
  if (name === undefined || !isOurs(name, listening)) {
    return {
      status: 403,
      message: `This server is not known as ${request.host ?? "(no host)"}. Open the address that it printed when it started.`
    }
  }
  if (request.origin !== undefined && request.origin !== `http://${request.host}`) {
    return { status: 403, message: `Pages of ${request.origin} may not read from this server.` }
  }
  // Links from other sites may open the page, but other sites may not embed it or load scripts and images from it.
  if (request.site === "cross-site" && request.mode !== "navigate") {
    return { status: 403, message: "Pages of other sites may not read from this server." }
  }
  return undefined
}

const isOurs = (name: string, listening: string): boolean =>
  localNames.has(name) ||
  name === listening.toLowerCase() ||
  // Beyond loopback the machine is known by its IP addresses and its own name. Names can be rebound by DNS, addresses
  // can't.
  (!isLoopback(listening) && (isIP(name) !== 0 || name === hostname().toLowerCase()))

/** Adds the headers that every response has. Headers that the response sets itself are kept. */
export const headers: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY"
}
