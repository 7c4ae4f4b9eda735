/**
 * How requests to object storage fail, as sentences that say what to do. The server's own texts are shown only where
 * nothing better is known, and never those that repeat the request: they may contain parts of the credentials.
 */
import * as Data from "effect/Data"
import { codeOf, messageOf, reasonOf } from "../cause.ts"
import { duration } from "../units.ts"
import * as Xml from "./xml.ts"

/** A request that failed for good. */
export class S3Error extends Data.TaggedError("S3Error")<{
  /**
   * `missing`: no such object. `changed`: a condition of the request does not hold. `refused`: the server will not do it,
   * and trying again does not help. `away`: it might do it later.
   */
  readonly kind: "missing" | "changed" | "refused" | "away"
  /** S3's code, `NoSuchBucket`, or the system's, `ECONNREFUSED`. */
  readonly code: string
  /** A sentence without its full stop, which reads on after "because" and after a colon. */
  readonly reason: string
  readonly status?: number
  /** The region that the bucket is really in, if the server says so. */
  readonly region?: string
}> {
  override get message(): string {
    return this.reason
  }
}

/** What an answer of the server says, apart from its status. */
export interface Problem {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Uint8Array
}

/** What the sentences mention. */
export interface Context {
  readonly bucket: string
  /** The server, `https://s3.eu-west-1.amazonaws.com`. */
  readonly server: string
  readonly region: string
  /** What the credentials must allow, `s3:GetObject`. */
  readonly action: string
  /** Real time in milliseconds since the epoch. */
  readonly now: number
}

/** S3's code in an answer. An answer to HEAD has no body, so its status has to do. */
export const codeIn = ({ body, headers, status }: Problem): string => {
  const code = Xml.text(new TextDecoder().decode(body.subarray(0, 64 * 1024)), "Code")
  if (code !== undefined) return code
  if (
    status === 301 ||
    status === 307 ||
    status === 308 ||
    (headers["x-amz-bucket-region"] !== undefined && status === 400)
  )
    return "PermanentRedirect"
  return (
    {
      403: "AccessDenied",
      404: "NoSuchKey",
      412: "PreconditionFailed",
      429: "TooManyRequests",
      503: "ServiceUnavailable"
    }[status] ?? String(status)
  )
}

/** Codes of answers that a later attempt may change. */
const passing: ReadonlySet<string> = new Set([
  "RequestTimeout",
  "SlowDown",
  "ServiceUnavailable",
  "InternalError",
  "OperationAborted",
  "ConditionalRequestConflict",
  "TooManyRequests",
  "Throttling",
  "ThrottlingException",
  "RequestThrottled",
  // The bytes were altered on the way: the payload hash that signs the request is that of the right ones.
  "XAmzContentSHA256Mismatch",
  "BadDigest",
  "IncompleteBody"
])

const expired: ReadonlySet<string> = new Set([
  "ExpiredToken",
  "ExpiredTokenException",
  "TokenRefreshRequired",
  "InvalidToken"
])

/** Whether new credentials may change the answer. */
export const isExpired = (error: S3Error): boolean => expired.has(error.code)

/** Whether the server got other bytes than those that were signed. */
export const isMismatch = (error: S3Error): boolean => mismatched.has(error.code)

const mismatched: ReadonlySet<string> = new Set(["XAmzContentSHA256Mismatch", "BadDigest"])

/** Whether another attempt may succeed. */
export const isPassing = (error: S3Error): boolean => error.kind === "away"

/** An answer that is no success, as an error. */
export const ofAnswer = (problem: Problem, context: Context): S3Error => {
  const { headers, status } = problem
  const code = codeIn(problem)
  const text = new TextDecoder().decode(problem.body.subarray(0, 64 * 1024))
  const failed = (kind: S3Error["kind"], reason: string, region?: string): S3Error =>
    new S3Error({ kind, code, reason, status, ...(region === undefined ? {} : { region }) })
  const { action, bucket, now, server } = context
  if (passing.has(code) || status >= 500 || status === 429)
    return failed("away", `${server} answered ${status}${code === String(status) ? "" : ` (${code})`}`)
  if (expired.has(code))
    return failed(
      "refused",
      `the credentials have expired (${code}). Renew them, for example with aws sso login, and try again`
    )
  const regionSaid = headers["x-amz-bucket-region"] ?? Xml.text(text, "Region")
  switch (code) {
    case "NoSuchKey":
      return failed("missing", "there is no such object")
    case "NoSuchUpload":
      return failed("missing", "there is no such upload")
    case "PreconditionFailed":
      return failed("changed", "the object is there already, or has changed")
    case "NoSuchBucket":
      return failed("refused", `there is no bucket "${bucket}" at ${server}. Create it, or correct its name`)
    case "InvalidBucketName":
      return failed("refused", `${server} says that "${bucket}" can't be the name of a bucket`)
    case "PermanentRedirect":
    case "TemporaryRedirect":
    case "AuthorizationHeaderMalformed":
    case "IllegalLocationConstraintException":
      return regionSaid === undefined
        ? failed(
            "refused",
            `the bucket "${bucket}" is not served at ${server} (${code}). Set the region or the endpoint that it belongs to`
          )
        : failed(
            "refused",
            `the bucket "${bucket}" is in the region ${regionSaid}, and ${context.region} was asked. Set AWS_REGION, or the region option, to ${regionSaid}`,
            regionSaid
          )
    case "InvalidAccessKeyId":
      return failed(
        "refused",
        `${server} does not know the access key (InvalidAccessKeyId). Check which credentials are used: environment variables come before profiles`
      )
    case "SignatureDoesNotMatch":
      return failed(
        "refused",
        "the secret access key does not belong to the access key (SignatureDoesNotMatch). Check the credentials"
      )
    case "RequestTimeTooSkewed":
    case "RequestExpired":
      return failed("refused", skew(headers.date, now))
    case "AccessDenied":
    case "AllAccessDisabled":
    case "AccountProblem":
      return failed(
        "refused",
        `the credentials do not allow ${action} on the bucket "${bucket}" (${code}). Allow it in their policy and in the bucket's`
      )
    case "QuotaExceeded":
      return failed("refused", `the quota of the bucket "${bucket}" is used up (QuotaExceeded)`)
    default: {
      const said = Xml.text(text, "Message")
      return failed(
        "refused",
        `${server} answered ${status}${code === String(status) ? "" : ` (${code}${said === undefined ? "" : `: ${said.replace(/\.$/, "")}`})`}`
      )
    }
  }
}

/** By how much this machine's clock is wrong, if the server gave its time. */
const skew = (date: string | undefined, now: number): string => {
  const apart = now - Date.parse(date ?? "")
  const how = Number.isNaN(apart)
    ? "differs from the server's"
    : `is ${duration(Math.abs(apart))} ${apart > 0 ? "ahead of" : "behind"} the server's`
  return `this machine's clock ${how}, so the server rejects its signatures. Set the clock, for example with NTP`
}

/** A connection that failed, or never came about, as an error. */
export const ofConnection = (cause: unknown, server: string): S3Error => {
  const code = codeOf(cause)
  const host = URL.parse(server)?.host ?? server
  const failed = (kind: S3Error["kind"], reason: string): S3Error =>
    new S3Error({ kind, code: code || "Connection", reason })
  switch (code) {
    case "ECONNREFUSED":
      return failed("away", `nothing listens at ${host} (ECONNREFUSED)`)
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return failed("away", `the host name of ${server} could not be resolved (${code})`)
    case "ESTALLED":
      return failed("away", `${host} ${messageOf(cause)}`)
    case "ECONNRESET":
    case "EPIPE":
    case "UND_ERR_SOCKET":
      return failed("away", `${host} closed the connection (${code})`)
    case "ERR_INVALID_URL":
      return failed("refused", `${server} is not a valid URL`)
    default:
      // A certificate does not get better by trying again.
      return failed(/CERT|SSL|TLS/.test(code) ? "refused" : "away", `${host} can't be reached: ${reasonOf(cause)}`)
  }
}
