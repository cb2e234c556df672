import { describe, expect, test } from 'vitest';
import type { LogOptions, LogReader, PodReader } from '../../src/kube/kube-client.js';
import { followPodLogs } from '../../src/kube/pod-logs.js';
import type { Pod } from '../../src/wire/types.js';

const ended = (name: string) => ({ name, state: { terminated: { exitCode: 0 } } });
const POD: Pod = {
  spec: {
    initContainers: [{ name: 'setup', image: 'x' }],
    containers: [
      { name: 'base', image: 'x' },
      { name: 'side', image: 'x' },
    ],
    restartPolicy: 'Never',
  },
  status: {
    phase: 'Succeeded',
    initContainerStatuses: [ended('setup')],
    containerStatuses: [ended('base'), ended('side')],
  },
} as Pod;

/** Writes as many lines as it is asked for, and counts them. */
class Logs {
  readonly written = new Map<string, number>();
  isAborted = false;
  constructor(readonly count: number) {}
  readPod = async () => POD;
  async *readLog(_: string, __: string, { container = '', signal }: LogOptions = {}): AsyncGenerator<Uint8Array> {
    signal?.addEventListener('abort', () => {
      this.isAborted = true;
    });
    for (let index = 0; index < this.count; index += 1) {
      this.written.set(container, index + 1);
      yield Buffer.from(`2026-01-01T00:00:0${index % 10}.000000001Z ${container} ${index}\n`);
    }
  }
}

const follow = (logs: Logs, containers?: string[]) =>
  followPodLogs(logs as unknown as LogReader & PodReader, { namespace: 'ns', pod: 'p', containers, follow: false });

describe('the logs of several containers', () => {
  test('come line by line, each container in its own order', async () => {
    const found: Record<string, string[]> = {};
    for await (const { source, text } of follow(new Logs(3))) found[source] = [...(found[source] ?? []), text];
    expect(found).toEqual({
      setup: ['setup 0', 'setup 1', 'setup 2'],
      base: ['base 0', 'base 1', 'base 2'],
      side: ['side 0', 'side 1', 'side 2'],
    });
  });

  test('of some of them only, no container running ahead of the reader', async () => {
    const logs = new Logs(1_000);
    let count = 0;
    for await (const { source } of follow(logs, ['base', 'side'])) {
      expect(source).not.toBe('setup');
      count += 1;
      if (count === 10) break;
    }
    for (const written of logs.written.values()) expect(written).toBeLessThan(20);
    expect(logs.isAborted).toBe(true);
  });
});
