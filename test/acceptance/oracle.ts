/** Recomputes the outputs of each step from a task's records alone. */

type Values = { readonly [name: string]: any }
type Output = { readonly x: number; readonly trail: ReadonlyArray<string>; readonly [name: string]: unknown }

const op =
  (name: string, change: (x: number) => number) =>
  ({ trail, x }: Values): Output => ({ x: change(x), trail: [...trail, name] })

/** The states of branches: `left.x`, or `scores.0.x`, `scores.1.x`, … */
const join =
  (name: string, branches: ReadonlyArray<string>, many: boolean) =>
  (given: Values): Output => {
    const prefixes = branches.flatMap((branch) => {
      if (!many) return [branch]
      const found = Object.keys(given).filter((key) => key.startsWith(`${branch}.`) && key.endsWith(".x"))
      return Array.from({ length: found.length }, (_, index) => `${branch}.${index}`)
    })
    return {
      x: prefixes.reduce((sum, prefix) => sum + given[`${prefix}.x`], 0),
      trail: [...prefixes.flatMap((prefix) => given[`${prefix}.trail`]), name]
    }
  }

const kinds = ["a", "b", "c"]

const steps: { readonly [step: string]: (given: Values) => Output } = {
  start: ({ count, seed }) => ({
    x: seed,
    trail: ["start"],
    note: `seed ${seed}`,
    items: Array.from({ length: count }, (_, index) => index + 1),
    kind: kinds[seed % 3],
    even: seed % 2 === 0
  }),
  left: op("left", (x) => x + 1),
  right: op("right", (x) => x * 2),
  middle: op("middle", (x) => x - 3),
  grow: op("grow", (x) => x + 1),
  end: ({ note, trail, x }) => ({ x, trail: [...trail, `end of ${note}`] }),
  fork: ({ by, trail, x }) => ({ x: x * 10 + by, trail: [...trail, `fork ${by}`] }),
  joinTwo: join("joinTwo", ["left", "right"], false),
  joinTwins: join("joinTwins", ["one", "other"], false),
  joinLevels: join("joinLevels", ["a", "b"], false),
  joinAll: (given) => {
    const { trail, x } = join("joinAll", ["a", "b"], false)(given)
    return { x, trail: [...trail, given.note] }
  },
  score: ({ base, item }) => ({ x: base * 10 + item, trail: [`score ${item}`] }),
  best: join("best", ["scores"], true),
  cell: ({ i, j, k }) => ({ x: 1, trail: [`${i}${j}${k}`] }),
  row: join("row", ["cells"], true),
  sheet: join("sheet", ["rows"], true),
  book: join("book", ["sheets"], true),
  classify: ({ item }) => ({ x: item, trail: [`item ${item}`], note: `item ${item}`, kind: kinds[item % 3] }),
  gather: join("gather", ["all"], true),
  begin: ({ rounds }) => ({ x: 0, trail: [`${rounds} rounds`], note: `${rounds}` }),
  laps: join("laps", ["all"], true)
}

/** The outputs of a step for these inputs. */
export const oracle = (step: string, given: Values): Output => {
  const of = steps[step]
  if (of === undefined) throw new Error(`The oracle does not know step "${step}".`)
  return of(given)
}
