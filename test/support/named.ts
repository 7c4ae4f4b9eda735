/** The files that the arguments of `vitest` name, or parts of their paths. None where all tests of a command run. */
export const named: ReadonlyArray<string> = process.argv
  .slice(2)
  .filter((argument) => !/^(-|(run|list|watch)$)/.test(argument))
