/** The cards of a run, each with its task. */
import type { CardView } from "../api.ts"
import { toTask } from "../router.ts"
import { Ago, Link } from "./basic.tsx"
import { CardBody } from "./cards.tsx"

const Cards = ({ cards, run }: { readonly cards: ReadonlyArray<CardView>; readonly run: string }) => (
  <div className="stack">
    {[...cards]
      .sort((a, b) => Number(a.task.split("/").at(-1)) - Number(b.task.split("/").at(-1)))
      .map((view) => (
        <section className="section" key={view.task} aria-label={`Card of ${view.task}`}>
          <header>
            <h2>
              <Link to={toTask(run, view.task)}>{view.task}</Link>
            </h2>
            <span className="muted">
              <Ago at={view.at} />
            </span>
          </header>
          <CardBody view={view} />
        </section>
      ))}
  </div>
)

export default Cards
