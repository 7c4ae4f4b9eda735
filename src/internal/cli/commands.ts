/**
 * The command line as `effect/cli` commands: every verb with its flags, arguments and words of help. A verb's work is in a
 * module of its own that is loaded when the verb is chosen, so that `--help` answers at once.
 */
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Cli, Subject } from "./cli.ts"
import {
  FlowName,
  format,
  json,
  lazily,
  Module,
  maybe,
  off,
  optional,
  runArgument,
  type Select,
  storeFlags,
  sync
} from "./flags.ts"
import type { ParameterFlag } from "./parameterFlags.ts"
import { verbs } from "./readingCommands.ts"

/** The flags that show and shape a run. Their names are not free for parameters. */
const runFlags = {
  tag: Flag.String("tag").pipe(
    Flag.withDescription("A tag for the run; may be given several times"),
    Flag.between(0, 50)
  ),
  executor: Flag.Literals("executor", ["fibers", "threads", "cluster"]).pipe(
    Flag.withDescription(
      "What runs the tasks: fibers of this process, its threads, or the workers of a cluster (default: fibers)"
    ),
    Flag.withDefault("fibers")
  ),
  concurrency: Flag.Int("concurrency").pipe(
    Flag.withMetavar("n"),
    Flag.withDescription("How many tasks run at once (default: no limit on fibers, the number of cores on threads)"),
    Flag.filter(
      (value) => value >= 1,
      () => "Expected a number of at least 1"
    ),
    Flag.optional
  ),
  log: Flag.Literals("log", ["text", "json"]).pipe(
    Flag.withDescription("How the log is written to stderr (default: text)"),
    Flag.withDefault("text")
  ),
  quiet: Flag.Boolean("quiet").pipe(
    Flag.withDescription("No log; the result is printed all the same"),
    Flag.withDefault(false),
    Flag.withoutNegation
  ),
  json: json("what the flow yields"),
  sync
}

/** Flags that a parameter can't have. */
export const reserved: ReadonlySet<string> = new Set([
  ...[
    "tag",
    "executor",
    "concurrency",
    "log",
    "quiet",
    "json",
    "sync",
    "directory",
    "database",
    "blobs",
    "module",
    "flow",
    "from",
    "drop-parameter",
    "even-if-running",
    "format"
  ],
  ...["help", "version", "completions", "log-level"]
])

const options = (input: Command.Command.Config.Infer<typeof runFlags>) => ({
  tags: input.tag,
  executor: input.executor,
  concurrency: maybe(input.concurrency),
  log: input.log,
  quiet: input.quiet,
  json: input.json,
  sync: input.sync
})

const given = (parameters: Readonly<Record<string, Option.Option<unknown>>>): object =>
  Object.fromEntries(
    Object.entries(parameters).flatMap(([name, value]) => (Option.isSome(value) ? [[name, value.value]] : []))
  )

const params = (flags: ReadonlyArray<ParameterFlag>) =>
  Object.fromEntries(flags.map(({ param, parameter }) => [parameter, param]))

const running = lazily(() => import("./verbs/run.ts"))

/** `run`, `resume` and `plan`: the verbs that need the flow itself. */
const flowVerbs = (cli: Cli, subject: Subject, flags: Parameters, select: Select) => {
  const started = Command.make("run", { parameters: params(flags.run), ...runFlags }, (input) =>
    select((chosen) =>
      running((module) =>
        module.run(cli, chosen, subject, { _tag: "Run", parameters: given(input.parameters) }, options(input))
      )
    )
  ).pipe(Command.withDescription("Run the flow; what a command line without a verb does"))
  const resumed = Command.make(
    "resume",
    {
      run: runArgument,
      from: Flag.String("from").pipe(
        Flag.withMetavar("step"),
        Flag.withDescription(
          "A step to execute again (child/step for one of a called flow); what depends on it follows only where its output changed"
        ),
        Flag.optional
      ),
      dropParameters: Flag.String("drop-parameter").pipe(
        Flag.withMetavar("name"),
        Flag.withDescription("A parameter of the earlier run that the flow no longer has; may be given several times"),
        Flag.between(0, 50)
      ),
      evenIfRunning: off(
        "even-if-running",
        "Resume a run that is still running: its unfinished tasks are then executed twice"
      ),
      parameters: params(flags.resume),
      ...runFlags
    },
    (input) =>
      select((chosen) =>
        running((module) =>
          module.run(
            cli,
            chosen,
            subject,
            {
              _tag: "Resume",
              origin: input.run,
              from: maybe(input.from),
              dropParameters: input.dropParameters,
              evenIfRunning: input.evenIfRunning,
              parameters: given(input.parameters)
            },
            options(input)
          )
        )
      )
  ).pipe(
    Command.withDescription(
      "Start a new run that takes over what finished in an earlier one; a parameter that is given replaces the earlier run's"
    )
  )
  const planned = Command.make(
    "plan",
    { format: format(["text", "mermaid", "dot", "json"]), parameters: params(flags.run) },
    (input) =>
      select(() =>
        lazily(() => import("./verbs/plan.ts"))((module) =>
          module.plan(cli, subject, given(input.parameters), input.format)
        )
      )
  ).pipe(Command.withDescription("Draw the flow's graph without running anything"))
  return [started, resumed, planned, workerVerb(cli, subject, select)] as const
}

const whole = (name: string, metavar: string, description: string) =>
  Flag.Int(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.optional)

/** `worker`: one of a cluster's, for this module's flows. */
const workerVerb = (cli: Cli, subject: Subject, select: Select) =>
  Command.make(
    "worker",
    {
      size: whole("size", "n", "How many tasks it executes at once (default: EFFECT_FLOW_THREADS, or its cores)"),
      group: optional("group", "name", "Which runs' tasks it takes (default: EFFECT_FLOW_GROUP, or work)"),
      host: optional("host", "address", "By which others reach it (default: EFFECT_FLOW_HOST, or localhost)"),
      port: whole("port", "n", "Its port (default: EFFECT_FLOW_PORT, or any that is free)"),
      sync
    },
    ({ group, host, port, size, sync }) =>
      select((chosen) =>
        lazily(() => import("./verbs/worker.ts"))((module) =>
          module.worker(
            cli,
            chosen,
            subject,
            { size: maybe(size), group: maybe(group), host: maybe(host), port: maybe(port) },
            { sync }
          )
        )
      )
  ).pipe(Command.withDescription("Execute tasks for a cluster's runs, until it is stopped; what has begun is finished"))

/** Parameters as flags: all, and all as optional ones. */
export interface Parameters {
  readonly run: ReadonlyArray<ParameterFlag>
  readonly resume: ReadonlyArray<ParameterFlag>
}

const codes = "Exit codes: 0 succeeded, 1 failed, 2 wrong usage, 130 interrupted."

/** The command line of a flow file: `run` is what it does without a verb. */
export const forFlow = (cli: Cli, subject: Subject, flags: Parameters, select: Select) => {
  const { flow } = subject
  return Command.make(cli.name, { parameters: params(flags.run), ...runFlags }, (input) =>
    select((chosen) =>
      running((module) =>
        module.run(cli, chosen, subject, { _tag: "Run", parameters: given(input.parameters) }, options(input))
      )
    )
  ).pipe(
    Command.withDescription(
      [
        flow.description === undefined ? `The flow ${flow.flowName}.` : `${flow.flowName}: ${flow.description}`,
        "Without a verb it runs the flow. The log goes to stderr. What the flow yields goes to stdout, as a line of JSON,",
        "where stdout is no terminal, or with --json or --quiet.",
        codes
      ].join("\n  ")
    ),
    Command.withGlobalFlags(storeFlags),
    Command.withSubcommands([...flowVerbs(cli, subject, flags, select), ...verbs(cli, select)])
  )
}

/** In the place of the verbs that need a flow, where there is none. */
const withoutFlow = (cli: Cli) =>
  (["run", "resume", "plan", "worker"] as const).map((verb) =>
    Command.make(verb, {}, () =>
      Effect.fail(
        new CliError.ShowHelp({
          commandPath: [cli.name, verb],
          errors: [
            new CliError.ValidationError({
              message: `"${verb}" needs a flow: name the module that exports it, as in ${cli.invocation} ${verb} --module flow.ts. Its parameters are flags then; see --help with the module.`
            })
          ]
        })
      )
    ).pipe(Command.withDescription(`${words[verb]}; needs --module`))
  )

const words = {
  run: "Run a flow",
  resume: "Resume a run",
  plan: "Draw a flow's graph without running anything",
  worker: "Execute tasks for a cluster's runs"
}

/** The command line of the package: any store, and any flow with `--module`. */
export const forAny = (cli: Cli, flags: Parameters, select: Select) => {
  const { subject } = cli
  return Command.make(cli.name).pipe(
    Command.withDescription(
      [
        "Runs of any flow in a store: what they did, why, and what they left. With --module it also runs flows.",
        codes
      ].join("\n  ")
    ),
    Command.withGlobalFlags([...storeFlags, Module, FlowName]),
    Command.withSubcommands([
      ...(subject === undefined ? withoutFlow(cli) : flowVerbs(cli, subject, flags, select)),
      ...verbs(cli, select)
    ])
  )
}
