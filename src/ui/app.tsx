/** The page's frame: the top bar, the current view, and the global keyboard shortcuts. */
import { useEffect, useMemo, useRef, useState } from "react"
import * as Api from "./api.ts"
import { clock } from "./format.ts"
import { useKeys } from "./hooks.ts"
import { useConnection } from "./live.ts"
import { copyText, Empty, Link } from "./parts/basic.tsx"
import { Boundary, lazyPart } from "./parts/boundary.tsx"
import { Help } from "./parts/help.tsx"
import { Palette } from "./parts/palette.tsx"
import { type Choice, PlaceField } from "./parts/places.tsx"
import { navigate, parse, type Route, toRun, toRuns, toWorkers, useAddress } from "./router.ts"
import { nextTheme, useTheme } from "./theme.ts"
import { Runs } from "./views/runs.tsx"

const Run = lazyPart(() => import("./views/run.tsx"), "the view")
const Task = lazyPart(() => import("./views/task.tsx"), "the view")
const Artifact = lazyPart(() => import("./views/artifact.tsx"), "the view")
const Workers = lazyPart(() => import("./views/workers.tsx"), "the view")
const Compare = lazyPart(() => import("./views/compare.tsx"), "the view")

export const App = () => {
  const address = useAddress()
  const pathname = address.split("?")[0] ?? "/"
  const about = Api.useQuery("about", Api.about)
  const [help, setHelp] = useState(false)
  const [palette, setPalette] = useState(false)
  const jump = useRef<HTMLInputElement>(null)
  const main = useRef<HTMLElement>(null)

  useKeys({
    "/": () => jump.current?.focus(),
    "?": () => setHelp(true),
    t: nextTheme,
    r: () => navigate(toRuns())
  })

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey) return
      event.preventDefault()
      setPalette(true)
    }
    window.addEventListener("keydown", onKey)
    return () => window.removeEventListener("keydown", onKey)
  }, [])
  const actions = useMemo(
    (): ReadonlyArray<Choice> => [
      { kind: "action", text: "Show the runs", detail: "r", act: () => navigate(toRuns()) },
      { kind: "action", text: "Show the newest run", detail: "", act: () => navigate(toRun("latest")) },
      { kind: "action", text: "Show the failed runs", detail: "", act: () => navigate("/?status=failed") },
      { kind: "action", text: "Show the running runs", detail: "", act: () => navigate("/?status=running") },
      { kind: "action", text: "Show the workers", detail: "", act: () => navigate(toWorkers()) },
      { kind: "action", text: "Change the theme", detail: "t", act: nextTheme },
      { kind: "action", text: "Copy the address of this view", detail: "", act: () => void copyText(location.href) },
      { kind: "action", text: "List the keys", detail: "?", act: () => setHelp(true) }
    ],
    []
  )

  // Move the focus to the top of a new view, for screen readers.
  const first = useRef(true)
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when the path changes
  useEffect(() => {
    if (first.current) first.current = false
    else main.current?.focus({ preventScroll: true })
  }, [pathname])

  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="bar">
        <Link to={toRuns()} className="brand" title="effect-flow">
          <Logo />
          <span className="brand-name">effect-flow</span>
        </Link>
        <span className="store" title={about.data?.store}>
          {about.data?.store ?? ""}
        </span>
        <div className="jump">
          <PlaceField
            input={jump}
            actions={none}
            done={() => jump.current?.blur()}
            label="Jump to a run, task or artifact"
            placeholder="Jump to RUN/STEP/ID, a flow, a tag…"
          />
          <kbd>/</kbd>
        </div>
        <nav aria-label="Page" className="tools">
          <Link to={toRuns()}>Runs</Link>
          <Link to={toWorkers()}>Workers</Link>
          <ThemeButton />
          <button type="button" className="quiet" onClick={() => setHelp(true)} title="Keys (?)" aria-label="Keys">
            ?
          </button>
        </nav>
      </header>
      <ConnectionNotice />
      <main id="main" ref={main} tabIndex={-1}>
        <Boundary place={pathname}>
          <View route={parse(pathname)} about={about.data ?? unknown} />
        </Boundary>
      </main>
      <Help open={help} close={() => setHelp(false)} />
      <Palette open={palette} close={() => setPalette(false)} actions={actions} />
    </>
  )
}

const none: ReadonlyArray<never> = []
const unknown: Api.About = { store: "", command: "npx effect-flow", version: "", now: 0 }

const View = ({ about, route }: { readonly route: Route; readonly about: Api.About }) => {
  switch (route.view) {
    case "runs":
      return <Runs about={about} />
    case "run":
      return <Run key={route.run} id={route.run} />
    case "task":
      return (
        <Task key={`${route.run}/${route.step}/${route.index}`} run={route.run} id={`${route.step}/${route.index}`} />
      )
    case "artifact":
      return <Artifact key={JSON.stringify(route)} digest={route.digest} of={route.of} />
    case "compare":
      return <Compare key={`${route.left} ${route.right}`} left={route.left} right={route.right} />
    case "workers":
      return <Workers about={about} />
    case "missing":
      return (
        <Empty title="There is nothing at this address">
          <p>
            <code>{route.path}</code> is not a run, task or artifact. <Link to={toRuns()}>See the runs</Link>, or press{" "}
            <kbd>/</kbd> and type <code>RUN/STEP/ID</code>.
          </p>
        </Empty>
      )
  }
}

const ThemeButton = () => {
  const theme = useTheme()
  return (
    <button type="button" className="quiet" onClick={nextTheme} title="Theme (t)" aria-label={`Theme: ${theme}`}>
      <svg viewBox="0 0 16 16" width="15" height="15" aria-hidden="true" className="line-mark">
        {theme === "light" ? (
          <>
            <circle cx="8" cy="8" r="3" />
            <path d="M8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M13 3l-1.2 1.2M4.2 11.8 3 13" />
          </>
        ) : theme === "dark" ? (
          <path d="M13.5 9.6A6 6 0 0 1 6.4 2.5a6 6 0 1 0 7.1 7.1z" />
        ) : (
          <>
            <circle cx="8" cy="8" r="6" />
            <path d="M8 2v12M8 4.5l3.5-1M8 7.5l5.6-1.4M8 10.5l5.4-1.2" />
          </>
        )}
      </svg>
    </button>
  )
}

const ConnectionNotice = () => {
  const connection = useConnection()
  return (
    <div role="status">
      {connection.state === "lost" ? (
        <p className="connection">
          No connection to the server since {clock(connection.since).slice(0, 8)}. What you see may be old; trying
          again…
        </p>
      ) : null}
    </div>
  )
}

const Logo = () => (
  <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" className="logo">
    <path d="M5 12h4c3 0 3-5.5 6-5.5h3M9 12c3 0 3 5.5 6 5.5h3" />
    <circle cx="5" cy="12" r="2.4" />
    <circle cx="19" cy="6.5" r="2.4" />
    <circle cx="19" cy="17.5" r="2.4" />
  </svg>
)
