// Runs a function in JavaScript or TypeScript for serve.py: `node invoke.mjs FILE`.
//
// One event in a line of standard input, one result in a line of standard output: {"answer": …}, or {"error": its name}
// without the error's text, which may be about a person. It ends when standard input is closed.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

// Standard output is for results.
console.log = console.info = console.debug = console.error;
const say = (result) => process.stdout.write(JSON.stringify(result) + "\n");

const { handler } = await import(pathToFileURL(process.argv[2]).href);
if (typeof handler !== "function") throw new TypeError(`${process.argv[2]} has no handler`);
say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    say({ answer: await handler(JSON.parse(line), {}) });
  } catch (error) {
    say({ error: error?.name ?? "Error" });
  }
}
