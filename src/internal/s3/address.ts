/**
 * Where something is in object storage, as users write it: `s3://bucket/prefix`. A server other than AWS can be named in
 * the same text, `s3://bucket/prefix?endpoint=https://minio.example.org&region=eu-west-1`, because one text must do for a
 * flag or an environment variable. A question mark that no `name=` follows is part of the key.
 */

/** A bucket and how to reach it. */
export interface Bucket {
  readonly bucket: string
  /** Default: `AWS_REGION`, `AWS_DEFAULT_REGION`, or the profile's; else the one that the server names. */
  readonly region?: string | undefined
  /** The URL of the server. Default: `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`, else AWS. */
  readonly endpoint?: string | undefined
  /** Whether the bucket is a part of the path and not of the host name. Default: true with an endpoint, false on AWS. */
  readonly forcePathStyle?: boolean | undefined
}

/** A bucket and a key in it, or the prefix of several keys. */
export interface Address extends Bucket {
  readonly key: string
}

/** Why a text is not an address. */
export interface Mistake {
  readonly mistake: string
}

const example = "Write it as s3://BUCKET/PREFIX."

/** Whether a text is meant as an address in object storage, typing mistakes included. */
export const isMeant = (text: string): boolean => /^s3:/i.test(text)

/** The parts of an address, or a sentence that says what is wrong with it. The sentence never repeats a password. */
export const parse = (text: string): Address | Mistake => {
  if (!/^s3:\/\//i.test(text)) {
    return {
      mistake: `"${withoutUser(text)}" is not the address of a bucket: two slashes must follow "s3:". ${example}`
    }
  }
  const [location = "", query = ""] = text.slice("s3://".length).split(/\?(?=\w+=)(.*)/s)
  if (/^[^/]*@/.test(location)) {
    return {
      mistake:
        "The address of a bucket must not contain a user name or a password. Remove the part before the @; credentials come from the environment, a profile, or the machine's role."
    }
  }
  const slash = location.indexOf("/")
  const bucket = slash < 0 ? location : location.slice(0, slash)
  const key = slash < 0 ? "" : location.slice(slash + 1)
  const mistake = bucketMistake(bucket) ?? keyMistake(key)
  if (mistake !== undefined) return { mistake }
  const options = new URLSearchParams(query)
  for (const name of options.keys()) {
    if (!["endpoint", "region", "forcePathStyle"].includes(name)) {
      return {
        mistake: `The address s3://${location} has an unknown option "${name}". It may have endpoint, region and forcePathStyle.`
      }
    }
  }
  const endpoint = options.get("endpoint") ?? undefined
  const wrong = endpoint === undefined ? undefined : endpointMistake(endpoint)
  if (wrong !== undefined) return { mistake: wrong }
  return {
    bucket,
    key,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(options.has("region") ? { region: options.get("region") ?? "" } : {}),
    ...(options.has("forcePathStyle") ? { forcePathStyle: options.get("forcePathStyle") !== "false" } : {})
  }
}

/** What is wrong with the name of a bucket, if anything is. */
export const bucketMistake = (bucket: string): string | undefined => {
  if (bucket === "") return `The address of a bucket must name one. ${example}`
  // Older buckets may have upper-case letters and underscores: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
  return /^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/.test(bucket)
    ? undefined
    : `"${bucket}" can't be the name of a bucket: names have 3 to 63 lower-case letters, digits, dots and hyphens. ${example}`
}

/** What is wrong with a key, or the prefix of keys, if anything is. */
export const keyMistake = (key: string): string | undefined =>
  key.split("/").some((segment) => segment === "." || segment === "..")
    ? `"${key}" can't be a key: "." and ".." between slashes would make the URL that of another object, or bucket.`
    : undefined

/** What is wrong with the prefix of a store, if anything is. */
export const prefixMistake = (prefix: string): string | undefined =>
  /\p{Cc}/u.test(prefix) ? `The prefix ${JSON.stringify(prefix)} must not have control characters.` : keyMistake(prefix)

/** What is wrong with the URL of a server, if anything is. */
export const endpointMistake = (endpoint: string): string | undefined => {
  const url = URL.parse(endpoint)
  if (url === null || !["http:", "https:"].includes(url.protocol))
    return `"${withoutUser(endpoint)}" is not the URL of an object storage server. Write it as https://HOST:PORT.`
  if (url.username !== "" || url.password !== "")
    return "The URL of an object storage server must not contain a user name or a password. Credentials come from the environment, a profile, or the machine's role."
  return undefined
}

/** A sentence about a mistake as the reason of something else, after a colon. */
export const asReason = (mistake: string): string => mistake.replace(/\.$/, "").replace(/^The /, "the ")

const withoutUser = (text: string): string => text.replace(/[^/@]*@/, "…@")

/** A prefix as the beginning of keys: without a slash at its start, and with one at its end unless it is empty. */
export const prefixOf = (key: string): string => {
  const trimmed = key.replace(/^\/+|\/+$/g, "")
  return trimmed === "" ? "" : `${trimmed}/`
}

/** An address as text, for messages and as a name. */
export const show = ({ bucket, key }: Pick<Address, "bucket" | "key">): string =>
  `s3://${bucket}${key === "" ? "" : `/${key.replace(/\/$/, "")}`}`
