/** Splits a stream of bytes into lines, in bounded memory. */

/** A line above this is no watch event of a sane server. */
export const MAX_LINE_BYTES = 64 * 1024 * 1024;

const NEWLINE = 10;

/**
 * Yields each complete line of a stream as bytes, without its line break; a partial line at the end of the stream is dropped, since
 * it may be half an object.
 * @throws RangeError where a line is longer than `maxBytes`.
 */
export async function* splitLines(body: AsyncIterable<Uint8Array>, maxBytes = MAX_LINE_BYTES): AsyncGenerator<Buffer> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const rest = chunk.subarray(start, end);
      const line =
        pending.length === 0
          ? Buffer.from(rest.buffer, rest.byteOffset, rest.byteLength)
          : Buffer.concat([...pending, rest]);
      pending = [];
      pendingBytes = 0;
      start = end + 1;
      if (line.byteLength > 0) yield line;
    }
    if (start < chunk.byteLength) {
      pending.push(chunk.subarray(start));
      pendingBytes += chunk.byteLength - start;
      if (pendingBytes > maxBytes) throw new RangeError(`a line of the stream is longer than ${maxBytes} bytes`);
    }
  }
}
