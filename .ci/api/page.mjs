// Opens /docs in Chromium: the page must show every operation, ask no other host, and break no rule of its policy.
// Arguments: the edge's URL, and the browser.
import puppeteer from "puppeteer-core";

const [edge, executablePath] = process.argv.slice(2);
const document = await (await fetch(`${edge}/openapi.json`)).json();
const summaries = Object.values(document.paths).flatMap((path) => Object.values(path).map((it) => it.summary));
const browser = await puppeteer.launch({ executablePath, args: ["--no-sandbox", "--disable-background-networking"] });
try {
  const page = await browser.newPage();
  const asked = new Set();
  const faults = [];
  page.on("request", (request) => asked.add(request.url()));
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  page.on("pageerror", (error) => faults.push(String(error)));
  await page.goto(`${edge}/docs`);
  const shown = (summaries) => {
    const text = (root) => [...root.querySelectorAll("*")].map((it) => (it.shadowRoot ? text(it.shadowRoot) : it.textContent)).join(" ");
    const page = text(globalThis.document);
    return summaries.every((summary) => page.includes(summary));
  };
  await page.waitForFunction(shown, { timeout: 30_000 }, summaries);
  await page.waitForNetworkIdle();
  const others = [...asked].filter((url) => !url.startsWith(`${edge}/`) && !url.startsWith("data:"));
  if (others.length > 0) throw new Error(`the page asks ${others}`);
  if (faults.length > 0) throw new Error(faults.join("\n"));
  for (const path of ["/openapi.json", "/docs/rapidoc.js"]) {
    if (!asked.has(edge + path)) throw new Error(`the page does not ask for ${path}`);
  }
  console.log(`/docs shows ${summaries.length} operations, and asks its own edge for ${asked.size} files`);
} finally {
  await browser.close();
}
