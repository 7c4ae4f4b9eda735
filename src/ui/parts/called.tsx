/** What marks a called run among tasks, and leads to its own page. */
import { toRun } from "../router.ts"
import { Link } from "./basic.tsx"

/** A flow within a flow. */
export const CallMark = () => (
  <svg viewBox="0 0 16 16" width="13" height="13" className="line-mark call-mark" role="img" aria-label="flow">
    <title>A called flow</title>
    <rect x="1.5" y="2.5" width="13" height="11" rx="2" />
    <path d="M4.5 8h2.2M9.3 8h2.2" />
    <circle cx="8" cy="8" r="1.3" />
  </svg>
)

/** A link to a called run. */
export const RunLink = ({ run }: { readonly run: string }) => (
  <Link to={toRun(run)} className="run-link" title={`See the run ${run}`} label={`See the run ${run}`}>
    <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true" className="line-mark">
      <path d="M6 3H3v10h10v-3M9 3h4v4M13 3 7.5 8.5" />
    </svg>
  </Link>
)
