/**
 * Builds the page into `dist/ui`. Only files with a digest in their name go to `assets`, so that the server can let
 * browsers cache them forever. Nothing is inlined: the page runs under a policy that allows no inline script or style.
 */
import react from "@vitejs/plugin-react"
import { defineConfig } from "vite"

// A test that packs the package has an environment of its own, which would make a page for development.
process.env.NODE_ENV = "production"

export default defineConfig({
  root: import.meta.dirname,
  base: "/",
  plugins: [react()],
  logLevel: "warn",
  build: {
    outDir: "../../dist/ui",
    emptyOutDir: true,
    // The server reads the manifest to preload the files of a view.
    manifest: "manifest.json",
    target: "es2023",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000
  },
  worker: { format: "es" }
})
