/** The functions of the public module `Run`: reading runs, tasks, logs, metrics and artifacts, and changing tags. */
export { readUntyped } from "../artifact/genericArtifact.ts"
export * from "./observations.ts"
export * from "./runs.ts"
export { addTags, removeTags, replaceTags } from "./tags.ts"
export { children, parents, TaskNotFound, task, tasks } from "./tasks.ts"
