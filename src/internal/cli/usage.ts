/** Reports usage errors: a sentence for each mistake, and how to get help. */

import type * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Effect from "effect/Effect"
import * as Text from "../text.ts"
import * as Cli from "./cli.ts"
import { quote } from "./program.ts"
import { styleFor } from "./style.ts"

/**
 * Writes help and versions to stdout, and usage errors to stderr.
 *
 * @param argv The words of the command line, for hints.
 */
export const presenter = (cli: Cli.Cli, argv: ReadonlyArray<string>): CliOutput.Presenter => {
  const colours = (stream: Cli.Cli["stdout"]) => styleFor(stream, cli.environment)
  const formatter = CliOutput.defaultFormatter({ colors: colours(cli.stdout).dim("") !== "" })
  return {
    present: (event) =>
      Effect.sync(() => {
        switch (event._tag) {
          case "Help":
            // Help that was not requested means that the verb is missing.
            return (event.reason === "Requested" || event.commandPath.length < 2 ? Cli.print : Cli.say)(
              cli,
              formatter.formatHelpDoc(event.helpDoc)
            )
          case "Version":
            return Cli.print(cli, `${event.name} ${event.version}`)
          case "InvalidInvocation": {
            const words = event.commandPath.slice(1)
            const unknown = event.errors.filter((error) => error._tag === "UnrecognizedOption")
            // The value of an unknown flag looks like an unknown verb. It is not a second mistake.
            for (const error of unknown.length > 0 ? unknown : event.errors)
              Cli.say(cli, Text.printable([sentence(error), ...valueHint(error, argv)].join(" ")))
            return Cli.say(cli, `See ${[cli.invocation, ...words, "--help"].join(" ")}`)
          }
        }
      })
  }
}

/** A value that starts with "-" is parsed as a flag. Says how to write it instead. */
const valueHint = (error: CliError.NonShowHelpErrors, argv: ReadonlyArray<string>): ReadonlyArray<string> => {
  const index =
    error._tag === "UnrecognizedOption"
      ? indexOfFlag(error.option, argv)
      : error._tag === "InvalidValue" && error.kind === "flag" && error.value === ""
        ? argv.indexOf(`--${error.option}`) + 1
        : 0
  const flag = argv[index - 1]
  const value = argv[index]
  if (flag === undefined || value === undefined || !/^--[^=]+$/.test(flag)) return []
  // After "needs a value", a word with two dashes is more likely to be the next flag.
  if (!(error._tag === "InvalidValue" ? /^-[^-]/ : /^-/).test(value)) return []
  return [`If ${value} is the value of ${flag}, write ${quote(`${flag}=${value}`)}.`]
}

const indexOfFlag = (option: string, argv: ReadonlyArray<string>): number => {
  const at = argv.findIndex((word) => word === option || word.startsWith(`${option}=`))
  // A group of short flags (-xyz) is reported by its first letter.
  return at >= 0 || option.startsWith("--") ? at : argv.findIndex((word) => word.startsWith(option))
}

/** Renders a usage error as a sentence. */
export const sentence = (error: CliError.NonShowHelpErrors): string => {
  switch (error._tag) {
    case "UnrecognizedOption":
      return `There is no flag ${error.option}${perhaps(error.suggestions)}`
    case "UnknownSubcommand":
      return `There is no verb "${error.subcommand}"${perhaps(error.suggestions)}`
    case "MissingOption":
      return `The flag --${error.option} is missing.`
    case "MissingArgument":
      return `The argument <${error.argument}> is missing.`
    case "UnexpectedArgument":
      return `Unexpected argument${error.arguments.length === 1 ? "" : "s"} ${error.arguments.map((word) => JSON.stringify(word)).join(", ")}.`
    case "InvalidValue": {
      const name = error.kind === "flag" ? `--${error.option}` : `<${error.option}>`
      const expected = error.expected.replace(/^Expected:? ?/i, "").replace(/\.$/, "")
      return error.value === "" && error.kind === "flag"
        ? `${name} needs a value: ${expected}.`
        : `${name} can't be ${JSON.stringify(error.value)}: expected ${expected}.`
    }
    default:
      return Text.oneLine(error.message)
  }
}

const perhaps = (suggestions: ReadonlyArray<string>) =>
  suggestions.length === 0
    ? "."
    : `. Did you mean ${suggestions.map((word) => word.replace(/^-(?=[^-hvf]$)/, "--")).join(" or ")}?`
