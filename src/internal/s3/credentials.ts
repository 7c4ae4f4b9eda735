/**
 * The credentials of requests: given by the program, or found as every AWS tool finds them (environment, profile, SSO, web
 * identity, container and instance metadata), and renewed before they expire. They stay in memory.
 */
import { existsSync, readFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import * as Redacted from "effect/Redacted"
import { messageOf } from "../cause.ts"
import { S3Error } from "./failure.ts"
import * as Packages from "./packages.ts"

/** Credentials that a program states. */
export interface Keys {
  readonly accessKeyId: string
  readonly secretAccessKey: string | Redacted.Redacted
  /** For temporary credentials. */
  readonly sessionToken?: string | Redacted.Redacted | undefined
  readonly expiration?: Date | undefined
}

/** Credentials as the signature takes them. */
export interface Identity {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  readonly expiration?: Date
}

/** A function that yields credentials, as AWS's packages make them. */
export type Provider = () => Promise<Keys>

/** Yields the credentials of the moment. */
export interface Source {
  /** @param renew Whether those that were given last are no longer accepted. */
  readonly get: (renew?: boolean) => Promise<Identity>
  /** Replaces credentials in a text that someone else wrote. */
  readonly hide: (text: string) => string
}

const plain = (value: string | Redacted.Redacted): string => (typeof value === "string" ? value : Redacted.value(value))

const identityOf = ({ accessKeyId, expiration, secretAccessKey, sessionToken }: Keys): Identity => ({
  accessKeyId,
  secretAccessKey: plain(secretAccessKey),
  ...(sessionToken === undefined ? {} : { sessionToken: plain(sessionToken) }),
  ...(expiration === undefined ? {} : { expiration })
})

/** Credentials are renewed so long before they expire. */
const renewBeforeMs = 60_000

/** @param given Default: the credential chain. */
export const make = (given: Keys | Provider | undefined, now: () => number): Source => {
  let last: Identity | undefined
  let pending: Promise<Identity> | undefined
  let chain: ReturnType<Packages.Chain["defaultProvider"]> | undefined
  const ask = async (renew: boolean): Promise<Identity> => {
    if (given !== undefined) return identityOf(typeof given === "function" ? await given() : given)
    const { defaultProvider } = await Packages.chain()
    chain ??= defaultProvider()
    return await chain({ forceRefresh: renew })
  }
  const isFresh = (identity: Identity): boolean =>
    identity.expiration === undefined || identity.expiration.getTime() - now() > renewBeforeMs
  const get = async (renew = false): Promise<Identity> => {
    if (last !== undefined && !renew && isFresh(last)) return last
    pending ??= ask(renew || last !== undefined)
      .then((identity) => {
        last = identity
        return identity
      })
      .catch((cause: unknown) => {
        // An outage of the metadata server does no harm while the credentials at hand are still good.
        if (last !== undefined && !renew && (last.expiration?.getTime() ?? 0) > now()) return last
        throw missing(cause, given !== undefined)
      })
      .finally(() => {
        pending = undefined
      })
    return await pending
  }
  return {
    get,
    hide: (text) => {
      let shown = text
      for (const secret of [last?.secretAccessKey, last?.sessionToken, last?.accessKeyId])
        if (secret !== undefined && secret !== "") shown = shown.replaceAll(secret, "…")
      return shown
    }
  }
}

const missing = (cause: unknown, isGiven: boolean): S3Error => {
  if (cause instanceof Packages.PackageMissing)
    return new S3Error({ kind: "refused", code: "PackageMissing", reason: cause.message })
  const said = messageOf(cause).replace(/\.$/, "")
  if (isGiven)
    return new S3Error({
      kind: "refused",
      code: "Credentials",
      reason: `the program's credentials could not be obtained: ${said}`
    })
  const isExpired = /expired|sso session/i.test(said)
  return new S3Error({
    kind: "refused",
    code: isExpired ? "ExpiredToken" : "CredentialsMissing",
    reason: isExpired
      ? `the credentials have expired: ${said}. Renew them, for example with aws sso login`
      : `no credentials were found (${said}). Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, choose a profile with AWS_PROFILE, or run where the machine has a role`
  })
}

/** The region that the environment or the profile names. */
export const regionOf = (environment: { readonly [name: string]: string | undefined }): string | undefined =>
  environment.AWS_REGION || environment.AWS_DEFAULT_REGION || profileRegion(environment)

const profileRegion = (environment: { readonly [name: string]: string | undefined }): string | undefined => {
  const file = environment.AWS_CONFIG_FILE || join(homedir(), ".aws", "config")
  const profile = environment.AWS_PROFILE || "default"
  if (!existsSync(file)) return undefined
  try {
    let isProfile = false
    for (const line of readFileSync(file, "utf8").split("\n")) {
      const section = /^\s*\[\s*(?:profile\s+)?(.+?)\s*\]/.exec(line)
      if (section !== null) isProfile = section[1] === profile
      const region = isProfile ? /^\s*region\s*=\s*(\S+)/.exec(line)?.[1] : undefined
      if (region !== undefined) return region
    }
  } catch {
    return undefined // AWS's own packages will say what is wrong with the file
  }
  return undefined
}
