/**
 * The same scenarios on the embedded server, and with CONFORMANCE_KUBECONFIG on a real one: both must answer what a real
 * kube-apiserver v1.36 has answered. CONFORMANCE_RECORD=1 writes those answers anew from the real one.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../src/core/clock.js';
import { FakeCluster } from '../../src/testing/index.js';
import { type Send, sendTo, sendToKubeconfig } from './connect.js';
import { readRecordings, writeRecordings } from './recorded-file.js';
import { play, type Recorded } from './scenario.js';
import { agedServerOnly, knownGaps, suite } from './suite.js';

const kubeconfig = process.env.CONFORMANCE_KUBECONFIG;
const isRecording = process.env.CONFORMANCE_RECORD === '1' && kubeconfig !== undefined;

/** The same answers with the causes of each refusal in the order of the alphabet: a real server walks some of its maps at random. */
function ordered(answers: Recorded[]): unknown {
  return JSON.parse(JSON.stringify(answers), (key, value: unknown) => {
    // Managers are listed by the second of their last write, so that their order depends on the moment.
    if ((key === 'causes' || key === 'managedFields') && Array.isArray(value))
      return value.map((one) => JSON.stringify(one)).sort();
    const list = key === 'message' && typeof value === 'string' ? /^(.* is invalid: \[)(.*)\]$/.exec(value) : null;
    return list === null
      ? value
      : `${list[1]}${list[2]
          ?.split(/, (?=spec\.)/)
          .sort()
          .join(', ')}]`;
  });
}

/** Managers are listed by the second of their last write: all of them are in the same one, however slow the machine is. */
const started = systemClock.now();
const oneSecond: Clock = {
  now: () => started,
  monotonic: () => systemClock.monotonic(),
  schedule: (ms, callback) => systemClock.schedule(ms, callback),
  delay: (ms, options) => systemClock.delay(ms, options),
};

for (const [file, scenarios] of Object.entries(suite)) {
  describe(`conformance: ${file}`, () => {
    const path = fileURLToPath(new URL(`./recorded/${file}.json`, import.meta.url));
    const recorded = readRecordings(path);
    let cluster: FakeCluster | undefined;
    let send: Send;
    beforeAll(async () => {
      if (kubeconfig !== undefined) send = sendToKubeconfig(kubeconfig);
      else {
        cluster = await FakeCluster.start({ kubelet: 'none', controllers: false, clock: oneSecond });
        send = sendTo(cluster.url);
      }
    });
    afterAll(async () => {
      await cluster?.stop();
      if (isRecording) writeRecordings(path, recorded);
    });
    for (const [index, scenario] of scenarios.entries()) {
      const isGap = kubeconfig === undefined && knownGaps.has(scenario.name);
      const isReal = kubeconfig !== undefined;
      const order = isReal ? ordered : (same: Recorded[]) => same;
      const isOfAge = isReal && !isRecording && agedServerOnly.has(scenario.name);
      it.skipIf(isOfAge)(scenario.name, { timeout: 30_000, fails: isGap }, async () => {
        const id = `${file[0]}${index}x${Math.random().toString(36).slice(2, 8)}`;
        const answers = JSON.parse(JSON.stringify(await play(send, scenario, id))) as Recorded[];
        if (isRecording) recorded[scenario.name] = answers;
        expect(order(answers)).toEqual(order(recorded[scenario.name] ?? []));
      });
    }
  });
}
