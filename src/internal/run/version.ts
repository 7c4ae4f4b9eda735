/**
 * This package's version, as a constant: a bundle has no package.json beside it to look it up in. `npm run build` writes it
 * here from package.json (scripts/build.ts).
 */
export const version = "0.1.0"
