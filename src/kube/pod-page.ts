/**
 * Parses a page of pods while its bytes come, a pod at a time: a page in one piece would hold up everything else for as long as it takes
 * to read. A page that does not look as an API server writes it is parsed as a whole.
 */
import type { KubeList, Pod } from '../wire/types.js';
import { skimPod } from './pod-parser.js';

/*
 * What ends the part before the items, and one item before the next. Neither can stand inside a JSON string, where each quote has a
 * backslash before it, and no list inside a pod has objects that begin with metadata; a cut that is wrong all the same leaves text that
 * is no JSON, and so leads to the page being parsed as a whole.
 */
const ITEMS = Buffer.from('"items":[');
const BETWEEN = Buffer.from('},{"metadata":{');
const CLOSING_BRACE = 125;

const itself = (pod: Pod): Pod => pod;

/** One page. Takes its bytes, and gives the list at the end. */
export class PodPage {
  readonly #omitManagedFields: boolean;
  /** Everything, for a page of another form. */
  readonly #chunks: Uint8Array[] = [];
  /** Bytes of what is not whole yet, but for the last few, which may be the begin of what ends it. */
  #pending: Buffer[] = [];
  #rest = Buffer.alloc(0);
  #head: string | undefined;
  readonly #items: Pod[] = [];
  #isOdd = false;

  constructor(omitManagedFields = false) {
    this.#omitManagedFields = omitManagedFields;
  }

  /** Bytes so far. */
  get size(): number {
    return this.#chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Takes the next bytes, and parses the pods that are whole by then. */
  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    if (this.#isOdd) return;
    const data = Buffer.concat([this.#rest, chunk]);
    let start = 0;
    if (this.#head === undefined) {
      const at = data.indexOf(ITEMS);
      if (at < 0) {
        this.#keep(data, ITEMS.length - 1);
        return;
      }
      start = at + ITEMS.length;
      this.#head = this.#joined(data.subarray(0, start)).toString('utf8');
    }
    for (let at = data.indexOf(BETWEEN, start); at >= 0; at = data.indexOf(BETWEEN, start)) {
      this.#item(this.#joined(data.subarray(start, at + 1)));
      start = at + 2;
    }
    this.#keep(data.subarray(start), BETWEEN.length - 1);
  }

  /** The list. @throws SyntaxError where it is no JSON. */
  finish(): KubeList<Pod> {
    const list = this.#isOdd ? undefined : this.#assembled();
    return list ?? (JSON.parse(Buffer.concat(this.#chunks).toString('utf8')) as KubeList<Pod>);
  }

  #assembled(): KubeList<Pod> | undefined {
    const last = this.#joined(this.#rest);
    const end = last.lastIndexOf(CLOSING_BRACE, last.lastIndexOf(CLOSING_BRACE) - 1) + 1;
    if (this.#head === undefined || last.toString('utf8', end).trim() !== ']}') return undefined;
    this.#item(last.subarray(0, end));
    if (this.#isOdd) return undefined;
    const list = JSON.parse(`${this.#head}]}`) as KubeList<Pod>;
    return { ...list, items: this.#items };
  }

  /** What was pending, and these bytes behind it. */
  #joined(bytes: Buffer): Buffer {
    if (this.#pending.length === 0) return bytes;
    const all = Buffer.concat([...this.#pending, bytes]);
    this.#pending = [];
    return all;
  }

  #keep(bytes: Buffer, tail: number): void {
    const cut = Math.max(0, bytes.length - tail);
    if (cut > 0) this.#pending.push(bytes.subarray(0, cut));
    this.#rest = Buffer.from(bytes.subarray(cut));
  }

  #item(source: Buffer): void {
    if (this.#isOdd) return;
    const pod =
      skimPod<Pod>({ source, start: 0, end: source.length }, this.#omitManagedFields, itself) ?? parsed(source);
    if (pod === undefined) this.#isOdd = true;
    else this.#items.push(pod);
  }
}

function parsed(source: Buffer): Pod | undefined {
  try {
    return JSON.parse(source.toString('utf8')) as Pod;
  } catch {
    return undefined;
  }
}
