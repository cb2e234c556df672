/** Keeps manifests that are seldom needed in a tenth of a kilobyte or two instead of several whole ones. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Pod } from '../wire/types.js';

/** What is the same in most pods, so that it need not be said in each; both sides must use the same. */
const DICTIONARY = Buffer.from(
  '"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent","valueFrom":{' +
    '"serviceAccountName":"default","serviceAccount":"default","securityContext":{},"schedulerName":"default-scheduler","tolerations":' +
    '[{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":300},' +
    '{"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}],"priority":0,' +
    '"enableServiceLinks":false,"preemptionPolicy":"PreemptLowerPriority","restartPolicy":"Never","terminationGracePeriodSeconds":30,' +
    '"dnsPolicy":"ClusterFirst","apiVersion":"v1","kind":"Pod","metadata":{"name":"","namespace":"default","uid":"","labels":{' +
    '"app.kubernetes.io/managed-by":"podwright","annotations":{"podwright.dev/":"}},"spec":{"containers":[{"name":"base","image":""' +
    '"env":[{"name":"PODWRIGHT_DAG_ID","value":""},{"name":"PODWRIGHT_TASK_ID","value":""},{"name":"PODWRIGHT_RUN_ID","value":""},' +
    '{"name":"PODWRIGHT_TRY_NUMBER","value":"1"},{"name":"PODWRIGHT_MAP_INDEX","value":"-1"},{"name":"AIRFLOW_CTX_DAG_ID","value":"' +
    '{"name":"AIRFLOW_CTX_TASK_ID","value":""},{"name":"AIRFLOW_CTX_DAG_RUN_ID","value":""},{"name":"AIRFLOW_CTX_TRY_NUMBER","value":' +
    '"podwright.dev/schema":"1","podwright.dev/key":"{\\"dagId\\":\\"\\",\\"taskId\\":\\"\\",\\"runId\\":\\"\\",\\"tryNumber\\":1,' +
    '\\"mapIndex\\":-1}","podwright.dev/launch":"1","podwright.dev/spent":"infra=0,oom=0,task=0","podwright.dev/base-container":"base",' +
    '"podwright.dev/executor-id":"podwright.dev/dag-id":"podwright.dev/task-id":"podwright.dev/run-id":"podwright.dev/try-number":"1"' +
    ',"command":["args":["env":[{"name":"","value":""},"resources":{"limits":{"cpu":"memory":"requests":{',
);

/** A larger one would leave no room for what it is to be compared with. */
const LARGEST_EXAMPLE = 16 * 1_024;

/** The first pod that was packed stands for the others, which are mostly made like it; once chosen it stays, since unpacking needs the same. */
let dictionary: Buffer | undefined;

/** A pod's spec and what goes with it, packed; a text of bytes, since a buffer of its own costs as much again. */
export type PackedPod = string;

/** Packs what a next launch is made from (see `renew-pod.ts`): a status, and the identity of this one, are of no use to it. */
export function packPod({ metadata: { namespace, labels, annotations } = {}, spec }: Pod): PackedPod {
  const text = JSON.stringify({ metadata: { namespace, labels, annotations }, spec });
  dictionary ??= text.length > LARGEST_EXAMPLE ? DICTIONARY : Buffer.concat([DICTIONARY, Buffer.from(text)]);
  return deflateRawSync(text, { dictionary }).toString('latin1');
}

/** The pod as it was packed. */
export const unpackPod = (packed: PackedPod): Pod =>
  JSON.parse(inflateRawSync(Buffer.from(packed, 'latin1'), { dictionary: dictionary ?? DICTIONARY }).toString()) as Pod;
