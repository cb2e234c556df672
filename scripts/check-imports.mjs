// Holds the rule that imports point one way; see docs/architecture.md. Prints every import that breaks it.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../src/', import.meta.url));

/** What each folder may import besides itself. `errors` and `index` are the files src/errors.ts and src/index.ts. */
const allowed = {
  errors: [],
  core: ['errors'],
  wire: ['errors', 'core'],
  lifecycle: ['errors', 'core', 'wire'],
  kube: ['errors', 'core', 'wire'],
  lease: ['errors', 'core', 'wire', 'kube'],
  config: ['errors', 'core', 'wire', 'kube'],
  pod: ['errors', 'core', 'wire', 'kube', 'config', 'lifecycle'],
  watch: ['errors', 'core', 'wire', 'kube', 'lifecycle'],
  launch: ['errors', 'core', 'wire', 'kube', 'lifecycle', 'pod', 'config'],
  executors: ['errors', 'core', 'wire', 'kube', 'lifecycle', 'pod', 'watch', 'launch', 'config', 'lease'],
  operator: ['errors', 'core', 'wire', 'kube', 'lifecycle', 'pod', 'watch', 'launch', 'config', 'executors'],
  monitor: ['errors', 'core', 'wire', 'kube', 'lifecycle', 'pod', 'watch', 'launch', 'config', 'executors'],
  capacity: ['errors', 'core', 'wire', 'kube', 'lifecycle'],
  scaling: ['errors', 'core', 'wire', 'kube', 'report'],
  deploy: ['errors', 'core', 'wire', 'kube'],
  telemetry: ['errors', 'core'],
  report: ['errors', 'core'],
  // The embedded cluster knows the wire format, never an executor's inside; besides them it may import types, and the client it hands out.
  testing: ['errors', 'core', 'wire'],
};

/** The client that the embedded cluster hands out. */
const testingClient = /^kube\//;

const unrestricted = new Set(['cli', 'index']);

/** Every relative import of a file, with whether it is erased from the output. */
function importsOf(text) {
  const found = [];
  const pattern = /^\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'(\.[^']+)'|import\(\s*'(\.[^']+)'\s*\)/gm;
  for (const match of text.matchAll(pattern))
    found.push({ specifier: match[2] ?? match[3], isType: match[1] !== undefined });
  return found;
}

const areaOf = (path) => path.split(sep)[0].replace(/\.ts$/, '');

function* sourceFiles(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sourceFiles(path);
    else if (entry.name.endsWith('.ts')) yield path;
  }
}

const problems = [];
for (const file of sourceFiles(root)) {
  const from = relative(root, file);
  const area = areaOf(from);
  if (unrestricted.has(area)) continue;
  const rule = allowed[area];
  if (rule === undefined) {
    problems.push(`src/${from}: folder "${area}" has no entry in scripts/check-imports.mjs`);
    continue;
  }
  for (const { specifier, isType } of importsOf(readFileSync(file, 'utf8'))) {
    if (specifier.endsWith('.json')) continue;
    const to = relative(root, resolve(dirname(file), specifier));
    const target = areaOf(to.replace(/\.js$/, ''));
    if (target === area || rule.includes(target)) continue;
    if (area === 'testing' && (isType || testingClient.test(to))) continue;
    problems.push(`src/${from} must not import ${specifier}: ${area} may import ${rule.join(', ') || 'nothing'}`);
  }
}

for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
