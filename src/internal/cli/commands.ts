/**
 * The command line as `effect/cli` commands: every verb with its flags, arguments and help. The code of a verb is in a
 * module of its own that is loaded only when the verb runs, so that `--help` is fast.
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
  port,
  runArgument,
  type Select,
  storeFlags,
  sync,
  whole
} from "./flags.ts"
import type { ParameterFlag } from "./parameterFlags.ts"
import { verbs } from "./readingCommands.ts"

/** The flags that control how a flow runs and is shown. Parameters can't have these names. */
const runFlags = {
  tag: Flag.String("tag").pipe(Flag.withDescription("A tag for the run; can be repeated"), Flag.between(0, 50)),
  executor: Flag.Literals("executor", ["fibers", "threads", "cluster"]).pipe(
    Flag.withDescription(
      "Where tasks run: on fibers of this process, on its threads, or on the workers of a cluster (default: fibers)"
    ),
    Flag.withDefault("fibers")
  ),
  concurrency: whole(
    "concurrency",
    "The maximum number of tasks that run at once (default: no limit on fibers, the number of cores on threads)",
    { least: 1 }
  ),
  log: Flag.Literals("log", ["text", "json"]).pipe(
    Flag.withDescription("The format of the log on stderr (default: text)"),
    Flag.withDefault("text")
  ),
  quiet: Flag.Boolean("quiet").pipe(
    Flag.withDescription("Print only the result, no log"),
    Flag.withDefault(false),
    Flag.withoutNegation
  ),
  json: json("the flow's output"),
  sync
}

/** Flag names that a parameter can't have. */
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
    "cache-dir",
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

/** `run`, `resume` and `plan`, the verbs that need the flow itself. */
const flowVerbs = (cli: Cli, subject: Subject, flags: Parameters, select: Select) => {
  const started = Command.make("run", { parameters: params(flags.run), ...runFlags }, (input) =>
    select((chosen) =>
      running((module) =>
        module.run(cli, chosen, subject, { _tag: "Run", parameters: given(input.parameters) }, options(input))
      )
    )
  ).pipe(Command.withDescription("Run the flow (the default verb)"))
  const resumed = Command.make(
    "resume",
    {
      run: runArgument,
      from: Flag.String("from").pipe(
        Flag.withMetavar("step"),
        Flag.withDescription(
          "A step to execute again (child/step for a step of a called flow); dependent tasks run again only if its outputs change"
        ),
        Flag.optional
      ),
      dropParameters: Flag.String("drop-parameter").pipe(
        Flag.withMetavar("name"),
        Flag.withDescription("Ignore a parameter of the earlier run that the flow no longer has; can be repeated"),
        Flag.between(0, 50)
      ),
      evenIfRunning: off(
        "even-if-running",
        "Resume a run even if it is still running; its unfinished tasks are then executed twice"
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
      "Start a new run that takes over the finished tasks of an earlier one; given parameters replace the earlier run's"
    )
  )
  const planned = Command.make(
    "plan",
    { format: format(["text", "mermaid", "dot", "json"]), json: json("the graph"), parameters: params(flags.run) },
    (input) =>
      select(() =>
        lazily(() => import("./verbs/plan.ts"))((module) =>
          module.plan(cli, subject, given(input.parameters), input.json ? "json" : input.format)
        )
      )
  ).pipe(Command.withDescription("Show the flow's graph without running it"))
  return [started, resumed, planned, workerVerb(cli, subject, select)] as const
}

/** `worker`: starts a cluster worker for this module's flows. */
const workerVerb = (cli: Cli, subject: Subject, select: Select) =>
  Command.make(
    "worker",
    {
      size: whole(
        "size",
        "The number of tasks executed at once (default: EFFECT_FLOW_THREADS, or the number of cores)",
        { least: 1 }
      ),
      group: optional(
        "group",
        "name",
        "The group of runs whose tasks it executes (default: EFFECT_FLOW_GROUP, or named after the package)"
      ),
      host: optional(
        "host",
        "address",
        "The address at which other processes reach it (default: EFFECT_FLOW_HOST, or localhost)"
      ),
      port: port("port", "The port to listen on (default: EFFECT_FLOW_PORT, or any free port)"),
      healthPort: port(
        "health-port",
        "The port of its health endpoint: /live, /ready, /metrics (default: EFFECT_FLOW_HEALTH_PORT, or none)"
      ),
      log: Flag.Literals("log", ["text", "json"]).pipe(
        Flag.withAlias("log-format"),
        Flag.withDescription("The format of its log (default: text)"),
        Flag.withDefault("text")
      ),
      sync
    },
    ({ group, healthPort, host, log, port, size, sync }) =>
      select((chosen) =>
        lazily(() => import("./verbs/worker.ts"))((module) =>
          module.worker(
            cli,
            chosen,
            subject,
            {
              size: maybe(size),
              group: maybe(group),
              host: maybe(host),
              port: maybe(port),
              healthPort: maybe(healthPort)
            },
            { sync, log }
          )
        )
      )
  ).pipe(Command.withDescription("Execute tasks for a cluster's runs until stopped; started tasks are finished first"))

/** The flow's parameters as flags, and the same flags as optional ones. */
export interface Parameters {
  readonly run: ReadonlyArray<ParameterFlag>
  readonly resume: ReadonlyArray<ParameterFlag>
}

const codes = "Exit codes: 0 succeeded, 1 failed, 2 wrong usage, 130 interrupted."

/** The command line of a flow file. `run` is the default verb. */
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
        "Without a verb it runs the flow. The log goes to stderr. The flow's output goes to stdout as a line of JSON",
        "if stdout is not a terminal, or with --json or --quiet.",
        codes
      ].join("\n  ")
    ),
    Command.withGlobalFlags(storeFlags),
    Command.withSubcommands([...flowVerbs(cli, subject, flags, select), ...verbs(cli, select)])
  )
}

/** Replaces the verbs that need a flow if the command line names none. */
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
  plan: "Show a flow's graph without running it",
  worker: "Execute tasks for a cluster's runs"
}

/** The package's own command line: for any store, and with `--module` for any flow. */
export const forAny = (cli: Cli, flags: Parameters, select: Select) => {
  const { subject } = cli
  return Command.make(cli.name).pipe(
    Command.withDescription(
      [
        "Inspect the runs of all flows in a store: tasks, logs, artifacts, reasons. With --module it also runs flows.",
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
