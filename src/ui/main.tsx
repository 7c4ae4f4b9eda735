import { createRoot } from "react-dom/client"
import { App } from "./app.tsx"
import "./styles/base.css"
import "./styles/parts.css"
import "./styles/views.css"

// The view of a run is the largest part of the page: who goes there has it on its way while the rest is read.
if (location.pathname.startsWith("/runs/")) void import("./views/run.tsx")

const root = document.getElementById("root")
if (root !== null) createRoot(root).render(<App />)
