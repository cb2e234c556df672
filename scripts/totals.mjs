// The closing line of .ci/run: adds up what the test run and the checks wrote. A part that wrote nothing, though it had to, counts as failed.
import { existsSync, readFileSync } from 'node:fs';

const [status, tests, check, cluster] = process.argv.slice(2);
let passed = 0;
let failed = 0;

function add(file, isRequired, read) {
  if (existsSync(file)) {
    const totals = read(JSON.parse(readFileSync(file, 'utf8')));
    passed += totals.passed;
    failed += totals.failed;
  } else if (isRequired) failed += 1;
}

add(tests, true, (report) => ({
  passed: report.numPassedTests,
  // A file that could not even be loaded has no failed tests, only a failed suite.
  failed: Math.max(report.numFailedTests, report.success ? 0 : 1),
}));
add(check, true, (totals) => totals);
add(cluster, false, (totals) => totals);
if (status !== '0' && failed === 0) failed = 1;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
