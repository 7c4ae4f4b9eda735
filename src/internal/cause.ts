/** What went wrong, in words: the message of anything that was thrown, and the operating system's errors as sentences use them. */
import type { Stats } from "node:fs"

/** The message of an error, or whatever else was thrown, as text. */
export const messageOf = (cause: unknown): string => {
  try {
    const isObject = typeof cause === "object" && cause !== null
    if (isObject && "message" in cause && typeof cause.message === "string") return cause.message
    const text = String(cause)
    // What it holds may be a secret.
    return isObject && text === "[object Object]" ? "an object without a message" : text
  } catch {
    return "a value that can't be shown as text" // its `message` or `toString` throws, or it has no prototype
  }
}

/** An error that was recorded or sent, with the stack that it had, or none. */
export const namedError = (name: string, message: string, stack?: string): Error => {
  const error = new Error(message)
  error.name = name
  if (stack === undefined)
    delete error.stack // it would be the stack of this function
  else error.stack = stack
  return error
}

/** Gives an error a cause as its constructor would. */
export const setCause = <E extends object>(error: E, cause: Error): E =>
  Object.defineProperty(error, "cause", { value: cause, configurable: true, writable: true, enumerable: false })

/** The code of a system error, `ENOENT`; empty where there is none. */
export const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : ""

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or directory",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "no space is left on the device",
  EDQUOT: "the disk quota is used up",
  EISDIR: "it is a directory, not a file",
  ENOTDIR: "a part of its path is not a directory",
  EEXIST: "a file of that name is in the way",
  EMFILE: "too many files are open",
  ENFILE: "too many files are open on this machine",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "its symbolic links lead in a circle",
  EBUSY: "it is in use",
  EIO: "the device reported an input/output error",
  EADDRINUSE: "the address is already in use",
  ECONNREFUSED: "the connection was refused",
  ENOTFOUND: "the host name could not be resolved"
}

/** Says what else something is than a file: to open a pipe that has no writer takes forever, and so does reading some devices. */
export const notAFile = (stats: Stats): string | undefined =>
  stats.isFIFO()
    ? "it is a pipe, not a file"
    : stats.isSocket()
      ? "it is a socket, not a file"
      : stats.isCharacterDevice() || stats.isBlockDevice()
        ? "it is a device, not a file"
        : undefined

/** A system error in words, with its code, `permission denied (EACCES)`; the message of anything else. */
export const reasonOf = (cause: unknown): string => {
  const code = codeOf(cause)
  const reason = reasons[code]
  return reason === undefined ? messageOf(cause) : `${reason} (${code})`
}
