/**
 * The expected results of each graph, worked out by hand: the final value and trail, the number of tasks per step, the
 * edges between tasks, and where failures are injected.
 */
import type { Case } from "./case.ts"
import * as Graphs from "./graphs.ts"

/** `left right*2`: how many of each. */
const count = (text: string): { readonly [name: string]: number } =>
  Object.fromEntries(text.split(" ").map((word) => [word.replace(/\*.*/, ""), Number(/\*(\d+)/.exec(word)?.[1] ?? 1)]))

const end = "end of seed 3"
const times = (count: number, of: (index: number) => ReadonlyArray<string>) =>
  Array.from({ length: count }, (_, index) => of(index + 1)).flat()
const scores = (count: number) => times(count, (item) => [`score ${item}`])
const grown = (count: number) => times(count, () => ["grow"])
const joined = ["start", "left", "start", "right", "joinTwo"]
const leaf = (...ways: ReadonlyArray<number>) => ["start", ...ways.map((way) => `fork ${way}`)]
const leaves = (a: number, b: number) => [...leaf(a, b), "left", ...leaf(a, b), "right", "joinTwo"]

export const cases: ReadonlyArray<Case> = [
  {
    flow: Graphs.linear,
    x: 8,
    trail: ["start", "left", "right", end],
    tasks: count("start left right end"),
    edges: count("start>left left>right right>end"),
    plan: "exact",
    places: { "at the start": "start", "at the end": "end" }
  },
  {
    flow: Graphs.branch,
    x: 10,
    trail: [...joined, end],
    tasks: count("start left right joinTwo end"),
    edges: count("start>left start>right left>joinTwo right>joinTwo joinTwo>end start>end"),
    merges: true,
    plan: "exact",
    places: { "at the start": "start", "in a branch": "left", "in a join": "joinTwo", "at the end": "end" }
  },
  {
    flow: Graphs.nestedBranches,
    x: 3802,
    trail: [
      ...[...leaves(1, 1), ...leaves(1, 2), "joinLevels"],
      ...[...leaves(2, 1), ...leaves(2, 2), "joinLevels"],
      ...["joinAll", "seed 3"]
    ],
    tasks: count("start fork*6 left*4 right*4 joinTwo*4 joinLevels*2 joinAll"),
    edges: count(
      "start>fork*6 fork>fork*4 fork>left*4 fork>right*4 left>joinTwo*4 right>joinTwo*4 joinTwo>joinLevels*4 joinLevels>joinAll*2 start>joinAll"
    ),
    plan: "exact",
    places: { "in a branch": "right", "in a join": "joinLevels", "at the end": "joinAll" }
  },
  {
    flow: Graphs.foreach,
    x: 130,
    trail: [...scores(4), "best", end],
    tasks: count("start score*4 best end"),
    edges: count("start>score*4 score>best*4 best>end start>end"),
    merges: true,
    plan: "exact",
    places: { "before a foreach": "start", "in a foreach": "score", "in a join": "best", "after a foreach": "end" },
    ordered: "best"
  },
  {
    flow: Graphs.wideForeach,
    x: 810,
    trail: [...scores(20), "best"],
    tasks: count("start score*20 best"),
    edges: count("start>score*20 score>best*20"),
    plan: "exact",
    places: { "before a foreach": "start", "in a foreach": "score", "in a join": "best" },
    ordered: "best"
  },
  {
    flow: Graphs.widestForeach,
    x: 198_300,
    trail: [...scores(600), "best"],
    tasks: count("start score*600 best"),
    edges: count("start>score*600 score>best*600"),
    plan: "exact",
    places: { "before a foreach": "start", "in a foreach": "score", "in a join": "best" },
    ordered: "best"
  },
  {
    flow: Graphs.emptyForeach,
    x: 0,
    trail: ["best", end],
    tasks: count("start best end"),
    edges: count("start>best best>end start>end"),
    plan: "all arms",
    places: { "before a foreach": "start", "in a join": "best", "after a foreach": "end" },
    ordered: "best"
  },
  {
    flow: Graphs.nestedForeach,
    x: 36,
    trail: [...times(3, (i) => [...times(2, (j) => [...times(6, (k) => [`${i}${j}${k}`]), "row"]), "sheet"]), "book"],
    tasks: count("start cell*36 row*6 sheet*3 book"),
    edges: count("start>cell*36 cell>row*36 row>sheet*6 sheet>book*3"),
    plan: "exact",
    places: {
      "before a foreach": "start",
      "in a nested foreach": "cell",
      "in a foreach": "sheet",
      "in a join": "book"
    },
    ordered: "row"
  },
  {
    flow: Graphs.choice,
    x: 4,
    trail: ["start", "left", end],
    others: [
      { seed: 4, x: 8, trail: ["start", "right", "end of seed 4"] },
      { seed: 5, x: 2, trail: ["start", "middle", "end of seed 5"] }
    ],
    tasks: count("start left end"),
    edges: count("start>left left>end"),
    plan: "all arms",
    places: { "at the start": "start", "in a choice": "left", "at the end": "end" }
  },
  {
    flow: Graphs.nestedChoice,
    x: 6,
    trail: ["start", "right", end],
    others: [
      { seed: 6, x: 7, trail: ["start", "left", "end of seed 6"] },
      { seed: 4, x: 1, trail: ["start", "middle", "end of seed 4"] },
      { seed: 5, x: 6, trail: ["start", "grow", "end of seed 5"] }
    ],
    tasks: count("start right end"),
    edges: count("start>right right>end"),
    plan: "all arms",
    places: { "in a choice": "right", "at the end": "end" }
  },
  {
    flow: Graphs.choiceInBranch,
    x: 4,
    trail: ["start", "left", "start", "middle", "joinTwo", end],
    others: [{ seed: 4, x: 13, trail: [...joined, "end of seed 4"] }],
    tasks: count("start left middle joinTwo end"),
    edges: count("start>left start>middle left>joinTwo middle>joinTwo joinTwo>end start>end"),
    merges: true,
    plan: "all arms",
    places: { "in a branch": "left", "in a choice": "middle", "in a join": "joinTwo" }
  },
  {
    flow: Graphs.branchInChoice,
    x: 10,
    trail: [...joined, end],
    others: [{ seed: 4, x: 1, trail: ["start", "middle", "end of seed 4"] }],
    tasks: count("start left right joinTwo end"),
    edges: count("start>left start>right left>joinTwo right>joinTwo joinTwo>end start>end"),
    plan: "all arms",
    places: { "in a branch": "right", "in a join": "joinTwo", "at the end": "end" }
  },
  {
    flow: Graphs.foreachInChoice,
    x: 130,
    trail: [...scores(4), "best", end],
    others: [{ seed: 4, x: 1, trail: ["start", "middle", "end of seed 4"] }],
    tasks: count("start score*4 best end"),
    edges: count("start>score*4 score>best*4 best>end start>end"),
    plan: "all arms",
    places: { "before a foreach": "start", "in a foreach": "score", "in a join": "best", "after a foreach": "end" },
    ordered: "best"
  },
  {
    flow: Graphs.choiceInForeach,
    x: 13,
    trail: ["item 1", "right", "item 2", "middle", "item 3", "left", "item 4", "right", "gather"],
    tasks: count("start classify*4 left right*2 middle gather"),
    edges: count(
      "start>classify*4 classify>left classify>right*2 classify>middle left>gather right>gather*2 middle>gather"
    ),
    plan: "all arms",
    places: { "in a foreach": "classify", "in a choice": "right", "in a join": "gather" },
    ordered: "gather"
  },
  {
    flow: Graphs.loop,
    x: 14,
    trail: ["start", "left", ...grown(10), end],
    tasks: count("start left grow*10 end"),
    edges: count("start>left left>grow grow>grow*9 grow>end"),
    plan: "all arms",
    places: { "at the start": "left", "in a loop": "grow", "after a loop": "end" }
  },
  {
    flow: Graphs.loopInForeach,
    x: 10,
    trail: ["3 rounds", ...grown(3), "5 rounds", ...grown(5), "2 rounds", ...grown(2), "laps"],
    tasks: count("begin*3 grow*10 laps"),
    edges: count("begin>grow*3 grow>grow*7 grow>laps*3"),
    plan: "exact",
    places: { "in a foreach": "begin", "in a loop": "grow", "in a join": "laps" },
    ordered: "laps"
  },
  {
    flow: Graphs.flowInFlow,
    x: 12,
    trail: [...joined, end],
    tasks: count("start*2 left right joinTwo end"),
    edges: count("start>left start>right left>joinTwo right>joinTwo joinTwo>end start>end"),
    plan: "exact",
    places: { "in a called flow": "right", "in a branch": "left", "in a join": "joinTwo", "at the end": "end" },
    calls: Graphs.called
  },
  {
    flow: Graphs.callInForeach,
    x: 100,
    trail: [...times(3, () => ["start", "right"]), "gather", end],
    tasks: count("start*4 right*3 gather end"),
    edges: count("start>right*3 right>gather*3 gather>end start>end"),
    plan: "exact",
    places: { "in a called flow": "right", "in a join": "gather", "at the end": "end" },
    calls: Graphs.called,
    ordered: "gather"
  },
  {
    flow: Graphs.unbalancedJoin,
    x: 8,
    trail: ["start", "middle", "grow", "left", "start", "right", "joinTwo", end],
    tasks: count("start middle grow left right joinTwo end"),
    edges: count("start>middle middle>grow grow>left start>right left>joinTwo right>joinTwo joinTwo>end start>end"),
    merges: true,
    plan: "exact",
    places: { "in a branch": "grow", "in a join": "joinTwo" }
  },
  {
    flow: Graphs.rejoin,
    x: 31,
    trail: [...joined, "left", ...joined, "right", "joinTwo", end],
    tasks: count("start left*2 right*2 joinTwo*2 end"),
    edges: count(
      "start>left*2 start>right*2 left>joinTwo*2 right>joinTwo*2 joinTwo>left joinTwo>right joinTwo>end start>end"
    ),
    plan: "exact",
    places: { "in a branch": "right", "in a join": "joinTwo" }
  },
  {
    flow: Graphs.twins,
    x: 8,
    trail: ["start", "left", "start", "left", "joinTwins"],
    tasks: count("start left*2 joinTwins"),
    edges: count("start>left*2 left>joinTwins*2"),
    plan: "exact",
    places: { "in a branch": "left", "in a join": "joinTwins" }
  },
  {
    flow: Graphs.subset,
    x: 10,
    trail: [...joined, end],
    tasks: count("start left right middle joinTwo end"),
    edges: count("start>left start>right start>middle left>joinTwo right>joinTwo joinTwo>end start>end middle>end"),
    plan: "exact",
    places: { "in a branch": "middle", "in a join": "joinTwo", "at the end": "end" }
  },
  {
    flow: Graphs.recursion,
    x: 8,
    trail: ["start", ...grown(5), end],
    tasks: count("start grow*5 end"),
    edges: count("start>grow grow>grow*4 grow>end"),
    plan: "exact",
    places: { "in a loop": "grow", "after a loop": "end" }
  },
  {
    flow: Graphs.plainIf,
    x: 4,
    trail: ["start", "left", end],
    others: [{ seed: 1, x: 2, trail: ["start", "right", "end of seed 1"] }],
    tasks: count("start left end"),
    edges: count("start>left left>end"),
    plan: { stop: "start/1.x" },
    places: { "at the start": "start", "in a choice": "left", "at the end": "end" }
  }
]
