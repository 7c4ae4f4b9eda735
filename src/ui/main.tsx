/** Starts the page. */
import { createRoot } from "react-dom/client"
import { App } from "./app.tsx"
import { startLive } from "./live.ts"
import * as Scroll from "./scroll.ts"
import "./styles/base.css"
import "./styles/parts.css"
import "./styles/views.css"

// The view of a run is the largest chunk, so it is preloaded when the address needs it. Its boundary says if that fails.
if (location.pathname.startsWith("/runs/")) import("./views/run.tsx").catch(() => {})

startLive()
Scroll.start()
const root = document.getElementById("root")
if (root !== null) createRoot(root).render(<App />)
