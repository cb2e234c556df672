/** Lines of a container's log: split in bounded memory, with their times. */

/** Longer lines are cut here. */
export const MAX_LOG_LINE_BYTES = 64 * 1024;

/** One line as the kubelet sends it. */
export interface StampedLine {
  /** RFC 3339 time, `undefined` where the server sent none. */
  readonly time: string | undefined;
  /** Text without time and line break, cut at 64 KiB. */
  readonly text: string;
  /** Whether the line break had come; a line without one may be half a line. */
  readonly isWhole: boolean;
}

const NEWLINE = 10;
/** Room for the time that stands before the text. */
const STAMP_ROOM = 64;
const STAMP = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})) ?/;

function lineOf(bytes: Buffer, isWhole: boolean): StampedLine {
  const end = isWhole && bytes[bytes.length - 1] === 13 ? bytes.length - 1 : bytes.length;
  // Bytes that are no UTF-8 become replacement characters rather than an error: logs may hold anything.
  const line = bytes.toString('utf8', 0, end);
  const time = STAMP.exec(line.slice(0, STAMP_ROOM));
  return { time: time?.[1], text: cut(time === null ? line : line.slice(time[0].length)), isWhole };
}

/** Cuts at 64 KiB of UTF-8, never inside a character. */
function cut(text: string): string {
  if (text.length * 3 <= MAX_LOG_LINE_BYTES || Buffer.byteLength(text) <= MAX_LOG_LINE_BYTES) return text;
  const bytes = Buffer.from(text);
  let end = MAX_LOG_LINE_BYTES;
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}

/** Splits a log into lines. What a line has beyond its limit is dropped as it comes; the last line may lack its line break. */
export async function* splitLogLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<StampedLine> {
  const limit = MAX_LOG_LINE_BYTES + STAMP_ROOM;
  let pending: Buffer[] = [];
  let size = 0;
  const take = (piece: Uint8Array) => {
    const room = limit - size;
    if (room > 0 && piece.byteLength > 0) pending.push(Buffer.from(piece.subarray(0, room)));
    size += Math.min(room, piece.byteLength);
  };
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      take(chunk.subarray(start, end));
      const line = lineOf(Buffer.concat(pending), true);
      pending = [];
      size = 0;
      start = end + 1;
      yield line;
    }
    take(chunk.subarray(start));
  }
  if (size > 0) yield lineOf(Buffer.concat(pending), false);
}
