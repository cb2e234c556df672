/** What is allowed in a pod and seldom wise. Nothing here stops a pod: hosts and the command line show it. */
import { redact } from '../../core/redact.js';
import type { ConfigProblem } from '../../errors.js';
import { isSecretName } from '../redact-manifest.js';
import { below, field, isMap, type JsonMap, maps, text } from './findings.js';

/** Names of the lints, for switching single ones off. */
export const POD_LINTS = Object.freeze([
  'no-limits',
  'no-requests',
  'latest-image',
  'secret-in-env',
  'privileged',
  'host-path',
  'host-namespace',
  'runs-as-root',
  'always-restarts',
] as const);

/** Name of a lint. */
export type PodLintName = (typeof POD_LINTS)[number];

/** Something in a pod that is allowed and seldom wise. */
export interface PodLint extends ConfigProblem {
  /** Which lint found it. */
  readonly lint: PodLintName;
}

/** Options of {@link lintPod}. */
export interface PodLintOptions {
  /** Lints that are left out. @default none */
  readonly ignore?: readonly PodLintName[] | undefined;
}

type Add = (lint: PodLintName, path: string, rule: string, hint: string) => void;

/** Whether an image may be another tomorrow: without a digest, and without a tag or with `latest`. */
function isMoving(image: string): boolean {
  if (image.includes('@')) return false;
  const tag = /:([^:/]+)$/.exec(image)?.[1];
  return tag === undefined || tag === 'latest';
}

function lintEnvironment(container: JsonMap, path: string, add: Add): void {
  for (const [index, variable] of maps(container.env).entries()) {
    const [name, value] = [text(variable.name), text(variable.value)];
    if (name === undefined || !value) continue;
    const isReference = /^\$\([A-Za-z_]\w*\)$/.test(value);
    if (!isReference && (isSecretName(name) || redact(value) !== value))
      add(
        'secret-in-env',
        `${below(`${path}.env`, index)}.value`,
        `looks like a secret in plain sight (variable ${name})`,
        'use secret() in the task, or valueFrom.secretKeyRef',
      );
  }
}

function lintContainer(container: JsonMap, path: string, add: Add): void {
  const limits = field(container.resources, 'limits');
  const requests = field(container.resources, 'requests');
  if (field(limits, 'memory') === undefined)
    add(
      'no-limits',
      `${path}.resources.limits.memory`,
      'is not set',
      'without it one task can take the memory of a whole node',
    );
  for (const resource of ['cpu', 'memory'])
    if (field(requests, resource) === undefined && field(limits, resource) === undefined)
      add(
        'no-requests',
        `${path}.resources.requests.${resource}`,
        'is not set',
        'without it the scheduler takes the task for free',
      );
  const image = text(container.image);
  if (image && isMoving(image))
    add('latest-image', `${path}.image`, 'may be another image tomorrow', 'give a tag other than latest, or a digest');
  lintEnvironment(container, path, add);
  const security = container.securityContext;
  if (field(security, 'privileged') === true)
    add('privileged', `${path}.securityContext.privileged`, 'gives the container the whole node', 'leave it out');
  if (field(security, 'runAsUser') === 0)
    add('runs-as-root', `${path}.securityContext.runAsUser`, 'is root', 'give another user, and runAsNonRoot: true');
}

/** Finds what is allowed in a pod and seldom wise. Values are never part of a finding. */
export function lintPod(pod: unknown, { ignore = [] }: PodLintOptions = {}): PodLint[] {
  const found: PodLint[] = [];
  const add: Add = (lint, path, rule, hint) => {
    if (!ignore.includes(lint)) found.push({ lint, field: path, rule, hint });
  };
  const spec = field(pod, 'spec');
  if (!isMap(spec)) return found;
  for (const kind of ['initContainers', 'containers'])
    for (const [index, container] of maps(spec[kind]).entries())
      lintContainer(container, below(`spec.${kind}`, index), add);
  for (const [index, volume] of maps(spec.volumes).entries())
    if (isMap(volume.hostPath))
      add(
        'host-path',
        `${below('spec.volumes', index)}.hostPath`,
        'mounts a directory of the node',
        'use a volume of its own',
      );
  for (const name of ['hostNetwork', 'hostPID', 'hostIPC'])
    if (spec[name] === true)
      add('host-namespace', `spec.${name}`, 'shares with the node what a pod has to itself', 'leave it out');
  if (field(spec.securityContext, 'runAsUser') === 0)
    add('runs-as-root', 'spec.securityContext.runAsUser', 'is root', 'give another user, and runAsNonRoot: true');
  if (spec.restartPolicy === 'Always')
    add(
      'always-restarts',
      'spec.restartPolicy',
      'starts a task again when it has done its work',
      'use Never: podwright decides on launches',
    );
  return found;
}
