// Every error code of src/errors.ts has its section in docs/errors.md, and every verdict kind its own in docs/verdicts.md.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const read = (path) => {
  const file = fileURLToPath(new URL(`../${path}`, import.meta.url));
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};

const headings = (markdown) => new Set([...markdown.matchAll(/^#{2,4} `?([^`\n]+?)`?\s*$/gm)].map((match) => match[1]));

const codes = [...new Set(read('src/errors.ts').match(/ERR_PODWRIGHT_[A-Z_]+/g))];
const kindsText = /VERDICT_KINDS = \[([\s\S]*?)\]/.exec(read('src/core/verdict.ts'))?.[1] ?? '';
const kinds = [...kindsText.matchAll(/'([^']+)'/g)].map((match) => match[1]);

const problems = [];
const documentedCodes = headings(read('docs/errors.md'));
for (const code of codes) if (!documentedCodes.has(code)) problems.push(`docs/errors.md has no section "${code}"`);
for (const code of documentedCodes)
  if (code.startsWith('ERR_') && !codes.includes(code))
    problems.push(`docs/errors.md describes "${code}", which no longer exists`);
const documentedKinds = headings(read('docs/verdicts.md'));
for (const kind of kinds) if (!documentedKinds.has(kind)) problems.push(`docs/verdicts.md has no section "${kind}"`);

for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
