/**
 * The same scenarios on the embedded server, and with CONFORMANCE_KUBECONFIG on a real one: both must answer what a real
 * kube-apiserver v1.36 has answered. CONFORMANCE_RECORD=1 writes those answers anew from the real one.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeCluster } from '../../src/testing/index.js';
import { type Send, sendTo, sendToKubeconfig } from './connect.js';
import { readRecordings, writeRecordings } from './recorded-file.js';
import { play, type Recorded } from './scenario.js';
import { knownGaps, suite } from './suite.js';

const kubeconfig = process.env.CONFORMANCE_KUBECONFIG;
const isRecording = process.env.CONFORMANCE_RECORD === '1' && kubeconfig !== undefined;

for (const [file, scenarios] of Object.entries(suite)) {
  describe(`conformance: ${file}`, () => {
    const path = fileURLToPath(new URL(`./recorded/${file}.json`, import.meta.url));
    const recorded = readRecordings(path);
    let cluster: FakeCluster | undefined;
    let send: Send;
    beforeAll(async () => {
      if (kubeconfig !== undefined) send = sendToKubeconfig(kubeconfig);
      else {
        cluster = await FakeCluster.start({ kubelet: 'none', controllers: false });
        send = sendTo(cluster.url);
      }
    });
    afterAll(async () => {
      await cluster?.stop();
      if (isRecording) writeRecordings(path, recorded);
    });
    for (const [index, scenario] of scenarios.entries()) {
      const isGap = kubeconfig === undefined && knownGaps.has(scenario.name);
      it(scenario.name, { timeout: 30_000, fails: isGap }, async () => {
        const id = `${file[0]}${index}x${Math.random().toString(36).slice(2, 8)}`;
        const answers = JSON.parse(JSON.stringify(await play(send, scenario, id))) as Recorded[];
        if (isRecording) recorded[scenario.name] = answers;
        expect(answers).toEqual(recorded[scenario.name]);
      });
    }
  });
}
