import { createRoot } from "react-dom/client"
import { App } from "./app.tsx"
import "./styles/base.css"
import "./styles/parts.css"
import "./styles/views.css"

// The view of a run is the largest chunk, so it is preloaded when the address needs it.
if (location.pathname.startsWith("/runs/")) void import("./views/run.tsx")

const root = document.getElementById("root")
if (root !== null) createRoot(root).render(<App />)
