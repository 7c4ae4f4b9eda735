/** A plan as lines of text: one per task, with the tasks and artifacts it reads, indented under its groups. */
import type { Plan } from "./model.ts"

/** Renders a plan as text. */
export const toText = (plan: Plan): string => {
  const lines = [plan.run === undefined ? plan.flow : `${plan.flow} · run ${plan.run}`]
  const groups = new Map(plan.groups.map((group) => [group.id, group]))
  const path = (id: string | undefined): ReadonlyArray<string> => {
    const group = id === undefined ? undefined : groups.get(id)
    return group === undefined ? [] : [...path(group.parent), group.id]
  }
  const incoming = new Map<string, Array<string>>()
  for (const edge of plan.edges) {
    const text = edge.artifacts.length === 0 ? edge.from : `${edge.from} (${edge.artifacts.join(", ")})`
    const others = incoming.get(edge.to)
    if (others === undefined) incoming.set(edge.to, [text])
    else others.push(text)
  }
  let open: ReadonlyArray<string> = []
  for (const node of plan.nodes) {
    const inside = path(node.group)
    const shared = inside.findIndex((group, depth) => open[depth] !== group)
    for (let depth = shared < 0 ? inside.length : shared; depth < inside.length; depth++) {
      const group = groups.get(inside[depth] ?? "")
      if (group !== undefined) lines.push(`${"  ".repeat(depth + 1)}${heading[group.kind]} ${group.label}`)
    }
    open = inside
    const times = node.count === 1 ? "" : node.count === undefined ? " ×n" : ` ×${node.count}`
    const from = incoming.get(node.id)
    const state =
      node.status === undefined
        ? ""
        : ` · ${node.how === "takenOver" ? "taken over" : node.how === "cached" ? "cached" : node.status}${node.duration === undefined ? "" : ` in ${node.duration} ms`}`
    lines.push(
      `${"  ".repeat(inside.length + 1)}${node.id}${times}${state}${from === undefined ? "" : ` ← ${from.join(", ")}`}${node.description === undefined ? "" : ` · ${node.description}`}`
    )
  }
  if (plan.stop !== undefined) lines.push(plan.stop.message)
  return lines.join("\n")
}

/** The words before a group's label. */
export const heading = { foreach: "for each of", arm: "if", loop: "while", flow: "flow" } as const
