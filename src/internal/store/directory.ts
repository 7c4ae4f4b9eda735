/**
 * Finds the store that a program works with when it names none, the way git finds its repository: the same store from every
 * folder of a project.
 */
import { existsSync, statSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"

/** The name of a store's directory. */
export const name = ".effect-flow"

/** The environment variable that names a store's directory and overrides the search. */
export const variable = "EFFECT_FLOW_DIRECTORY"

/**
 * The directory of the store, which need not exist yet. It is, in this order:
 *
 * 1. what `EFFECT_FLOW_DIRECTORY` names;
 * 2. `.effect-flow` in the working directory or its nearest parent that has one;
 * 3. `.effect-flow` beside the nearest package.json, from the working directory upward;
 * 4. `.effect-flow` in the working directory.
 *
 * @returns An absolute path.
 */
export const find = (
  cwd: string,
  environment: { readonly [name: string]: string | undefined } = process.env
): string => {
  const named = environment[variable]
  if (named !== undefined && named !== "") return resolve(cwd, named)
  const parents = parentsOf(cwd)
  const home =
    parents.find((parent) => isDirectory(join(parent, name))) ??
    parents.find((parent) => existsSync(join(parent, "package.json")))
  return join(home ?? resolve(cwd), name)
}

/** A directory and all above it, the nearest first. */
const parentsOf = (path: string): ReadonlyArray<string> => {
  const parents = [resolve(path)]
  for (let parent = resolve(path); dirname(parent) !== parent; ) {
    parent = dirname(parent)
    parents.push(parent)
  }
  return parents
}

/** Not there for this process, too, where it may not look. */
const isDirectory = (path: string): boolean => {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

/** A directory as messages show it: from the working directory, where that is shorter. */
export const show = (directory: string, cwd: string): string => {
  const path = relative(cwd, directory)
  return path !== "" && path.length < directory.length ? path : directory
}
