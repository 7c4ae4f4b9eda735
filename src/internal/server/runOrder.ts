/** The orders of the list of runs, for the page: it sorts what arrives live as the store sorts what it lists. */
export { compare, positionOf, type RunSort, type RunSortKey } from "../store/runOrder.ts"
