import { chromium } from "playwright-core"
import { readFileSync } from "node:fs"
const ids = JSON.parse(readFileSync("/tmp/pg/ids.json","utf8")); const [tools,tune]=readFileSync("/tmp/pg/tools.id","utf8").trim().split("\n")
const b = await chromium.launch({executablePath:"/usr/bin/chromium",args:["--headless","--no-sandbox","--disable-gpu"]})
const shots = [["log",`/runs/${tools}?view=log`,1200,700,"light",".line"],["model",`/runs/${tools}/learn/2/model`,1200,1300,"dark",".effects li"],["table",`/runs/${ids.review}/start/1/df?sort=stars`,1200,700,"light",".histogram"],["tune",`/runs/${tune}`,1200,900,"light",".u-over"],["m-run",`/runs/${ids.review}`,390,1600,"light",".node"],["m-runs",`/`,390,900,"dark","[data-run]"],["m-task",`/runs/${ids.review}/train/3`,390,1500,"light",".line"],["m-table",`/runs/${ids.review}/start/1/df`,390,900,"light",".histogram"]]
const want = process.argv.slice(2)
for (const [n,p,w,h,c,sel] of shots) { if (want.length && !want.includes(n)) continue
  const page = await b.newPage({viewport:{width:w,height:h},colorScheme:c}); await page.goto("http://127.0.0.1:4899"+p); await page.locator(sel).first().waitFor(); await page.waitForTimeout(900); await page.screenshot({path:`/tmp/pg/s-${n}.png`}); console.log(n, await page.evaluate("document.documentElement.scrollWidth")); await page.close() }
await b.close()
