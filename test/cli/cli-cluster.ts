/** An embedded cluster for the tests of commands, with a kubeconfig in a folder that goes with it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { FakeCluster, type FakeClusterOptions } from '../../src/testing/index.js';

/** See the module's text. */
export class CliCluster {
  cluster!: FakeCluster;
  folder = '';
  kubeconfig = '';

  /** Registers the hooks of a test file. */
  static use(options?: FakeClusterOptions): CliCluster {
    const kit = new CliCluster();
    beforeAll(async () => {
      kit.folder = mkdtempSync(join(tmpdir(), 'podwright-test-'));
      kit.kubeconfig = join(kit.folder, 'config');
      kit.cluster = await FakeCluster.start(options);
      await kit.cluster.writeKubeconfig(kit.kubeconfig);
    });
    afterAll(async () => {
      await kit.cluster.stop();
      rmSync(kit.folder, { recursive: true });
    });
    return kit;
  }
}
