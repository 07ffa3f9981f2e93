// Lambda looks for the handler in a file of JavaScript; Node.js 24 reads the TypeScript by leaving its types out.
export { handler } from "./notifier.mts";
