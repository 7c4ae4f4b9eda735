/** Everything that can be read of runs, and the tags that can be put on them: the functions of the public module `Run`. */
export { readUntyped } from "../artifact/untyped.ts"
export * from "./observations.ts"
export * from "./runs.ts"
export { addTags, removeTags, replaceTags } from "./tags.ts"
export { children, parents, TaskNotFound, task, tasks } from "./tasks.ts"
