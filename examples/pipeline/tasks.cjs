/**
 * The tasks of the demo, as a program of its own that needs nothing but Node: `node tasks.cjs <task> --option value …`.
 * Local tasks run this file. A pod has no files of ours, so it gets this text on its command line (`node -e <text> <task> …`),
 * which Node reads as CommonJS: hence the `require`.
 *
 *   generate --seed N --file I --chapters N --bytes N --out FILE   makes one data file
 *   split    --in FILE --first N --out DIR                         writes one part per chapter
 *   count    --part N (--in FILE | --seed N --bytes N)             counts the words of one part; its last line is the result
 *   merge    --in DIR --out FILE                                   adds up all counts
 */
const { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const { basename, dirname, join } = require('node:path');
const { parseArgs } = require('node:util');

const CHAPTER_BREAK = '\f\n';
const SYLLABLES = [
  'ka',
  'lo',
  'mi',
  'ren',
  'sa',
  'tu',
  'vel',
  'or',
  'in',
  'dan',
  'pe',
  'sho',
  'gri',
  'al',
  'bo',
  'fen',
];
const WORDS = Array.from({ length: 240 }, (_, i) =>
  [SYLLABLES[i % 16], SYLLABLES[(i * 7 + (i >> 4)) % 16], i % 3 === 0 ? SYLLABLES[(i * 5) % 16] : ''].join(''),
);

/** Mulberry32: the same numbers for the same seed on every machine. */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The text of one chapter; it depends on the seed and its number alone, so that a pod elsewhere can make its own part. */
function chapterText(seed, chapter, bytes) {
  const random = randomFrom(seed * 1_000_003 + chapter);
  const lines = [];
  for (let size = 0; size < bytes; ) {
    // Squaring favours the first words, as in real text.
    const words = Array.from({ length: 12 }, () => WORDS[Math.floor(WORDS.length * random() ** 2)]);
    const line = `${words.join(' ')}.`;
    lines.push(line);
    size += line.length + 1;
  }
  return `${lines.join('\n')}\n`;
}

function countWords(text) {
  const counts = {};
  for (const word of text.match(/[a-z]+/g) ?? []) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

/** Writes beside the target and renames: whoever reads, and whoever was killed halfway, never leaves half a file behind. */
function writeWhole(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}.tmp`;
  writeFileSync(draft, text);
  renameSync(draft, file);
}

const tasks = {
  generate({ seed, file, chapters, bytes, out }) {
    const first = Number(file) * Number(chapters);
    const texts = Array.from({ length: Number(chapters) }, (_, i) =>
      chapterText(Number(seed), first + i, Number(bytes)),
    );
    const text = texts.join(CHAPTER_BREAK);
    writeWhole(out, text);
    console.log(`wrote ${basename(out)}: ${text.length} bytes, ${texts.length} chapters`);
  },

  split({ in: source, first, out }) {
    const chapters = readFileSync(source, 'utf8').split(CHAPTER_BREAK);
    for (const [i, text] of chapters.entries()) writeWhole(join(out, `part-${Number(first) + i}.txt`), text);
    console.log(`split ${basename(source)} into ${chapters.length} parts`);
  },

  count({ part, in: source, seed, bytes, 'exit-with': exitWith, 'eat-memory': eatMemory }) {
    // One line per start: how the demo proves that no try ran twice.
    if (process.env.PODWRIGHT_DEMO_LEDGER)
      appendFileSync(process.env.PODWRIGHT_DEMO_LEDGER, `${process.env.PODWRIGHT_DEMO_TRY}\n`);
    if (exitWith !== undefined) {
      console.error(`part ${part}: the word list is locked by another process, giving up`);
      process.exit(Number(exitWith));
    }
    const hoard = [];
    while (eatMemory) hoard.push(Buffer.alloc(16 * 2 ** 20, 1));
    const text =
      source === undefined ? chapterText(Number(seed), Number(part), Number(bytes)) : readFileSync(source, 'utf8');
    console.log(`part ${part}: counting ${text.length} bytes`);
    const result = JSON.stringify(countWords(text));
    // The length lets the reader tell a whole result from one that a log rotation has cut.
    console.log(`demo-result:${result.length}:${result}`);
  },

  merge({ in: folder, out }) {
    const total = {};
    const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
    for (const name of files)
      for (const [word, count] of Object.entries(JSON.parse(readFileSync(join(folder, name), 'utf8'))))
        total[word] = (total[word] ?? 0) + count;
    writeWhole(out, JSON.stringify(total));
    console.log(`merged ${files.length} counts of ${Object.keys(total).length} words`);
  },
};

// With `node -e` there is no file name in front of the arguments.
const options = { 'eat-memory': { type: 'boolean' } };
for (const name of ['seed', 'file', 'chapters', 'bytes', 'in', 'out', 'first', 'part', 'exit-with'])
  options[name] = { type: 'string' };
const { values, positionals } = parseArgs({
  args: process.argv.slice(__filename === '[eval]' ? 1 : 2),
  options,
  allowPositionals: true,
});
const task = tasks[positionals[0]];
if (task === undefined) {
  console.error(`unknown task "${positionals[0]}": known are ${Object.keys(tasks).join(', ')}`);
  process.exit(2);
}
task(values);
