/** Looks at everything that podwright needs of a cluster, and says what to do about what is missing. */
import { KubeApiError, PodwrightError } from '../errors.js';
import type { CallOptions, KubeClient } from '../kube/kube-client.js';
import { parseQuantity } from '../wire/quantity.js';
import type { Pod } from '../wire/types.js';
import {
  DEFAULT_FEATURES,
  DEPLOY_FEATURES,
  type DeployFeature,
  FEATURE_PERMISSIONS,
  type Permission,
  REQUIRED,
} from './permissions.js';

/** How one check ended. `unknown`: it could not be made, which need not mean trouble. */
export type DoctorState = 'ok' | 'warning' | 'error' | 'unknown';

/** One check. */
export interface DoctorCheck {
  /** What was looked at. */
  readonly check: 'connection' | 'version' | 'clock' | 'namespace' | 'permission' | 'quota' | 'admission';
  /** How it ended. */
  readonly state: DoctorState;
  /** What was found. */
  readonly message: string;
  /** What to do. */
  readonly hint?: string | undefined;
}

/** What {@link diagnose} looks at. */
export interface DoctorOptions extends CallOptions {
  /** The client to look through. */
  readonly client: KubeClient;
  /** Namespace of the pods. */
  readonly namespace: string;
  /** Pod to try, by a dry run that stores nothing. @default none */
  readonly pod?: Pod | undefined;
  /** Asks for the version of the server. @default not asked */
  readonly version?: (() => Promise<string>) | undefined;
}

/** Verdicts about pods compare times of the server with each other, but certificates and tokens do not. */
/** What a host may want in its own namespace; most do well without rights over the whole cluster. */
const FEATURES = DEPLOY_FEATURES.filter((feature) => FEATURE_PERMISSIONS[feature].isClusterWide !== true);
const MAX_SKEW_MS = 60_000;
/** Applying a role replaces it: what works already is granted again. */
const rbacHint = (features: ReadonlySet<string>, namespace: string) =>
  `podwright rbac --namespace ${namespace} --features ${FEATURES.filter((one) => features.has(one)).join(',')} | kubectl apply -f -`;

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function checkConnection({ client, namespace, version, ...call }: DoctorOptions): Promise<DoctorCheck[]> {
  try {
    const found = version === undefined ? undefined : await version();
    if (found === undefined) await client.listPods({ namespace, limit: 1, ...call });
    const checks: DoctorCheck[] = [{ check: 'connection', state: 'ok', message: 'the API server answers' }];
    if (found !== undefined) checks.push({ check: 'version', state: 'ok', message: `Kubernetes ${found}` });
    return checks;
  } catch (error) {
    if (error instanceof KubeApiError && error.status === 403)
      return [{ check: 'connection', state: 'ok', message: 'the API server answers' }];
    const hint = error instanceof PodwrightError ? error.hint : undefined;
    return [
      {
        check: 'connection',
        state: 'error',
        message: reasonOf(error),
        hint: hint ?? 'Check the server in the kubeconfig, its credentials, and the network between.',
      },
    ];
  }
}

function checkClock({ client }: DoctorOptions): DoctorCheck[] {
  const offset = client.serverTimeOffsetMs?.();
  if (offset === undefined) return [];
  const seconds = Math.round(Math.abs(offset) / 1000);
  if (Math.abs(offset) <= MAX_SKEW_MS)
    return [{ check: 'clock', state: 'ok', message: `the clocks differ by ${seconds} s` }];
  return [
    {
      check: 'clock',
      state: 'warning',
      message: `the clock of this host is ${seconds} s ${offset > 0 ? 'behind' : 'ahead of'} the server's`,
      hint: 'Set the time of this host by NTP: tokens and certificates are judged by it.',
    },
  ];
}

async function checkNamespace({ client, namespace, ...call }: DoctorOptions): Promise<DoctorCheck[]> {
  if (client.readNamespace === undefined) return [];
  try {
    const found = await client.readNamespace(namespace, { signal: call.signal, timeoutMs: call.timeoutMs });
    if (found === undefined)
      return [
        {
          check: 'namespace',
          state: 'error',
          message: `there is no namespace ${namespace}`,
          hint: `kubectl create namespace ${namespace}, or name another one.`,
        },
      ];
    const phase = found.status?.phase ?? 'Active';
    if (phase === 'Active') return [{ check: 'namespace', state: 'ok', message: `namespace ${namespace} is there` }];
    return [
      {
        check: 'namespace',
        state: 'error',
        message: `namespace ${namespace} is ${phase}`,
        hint: 'Nothing can be created in it any more; name another one.',
      },
    ];
  } catch (error) {
    return [
      { check: 'namespace', state: 'unknown', message: `namespace ${namespace} cannot be read: ${reasonOf(error)}` },
    ];
  }
}

/** The verbs of a permission that the caller does not have. */
async function missingVerbs({ client, namespace, ...call }: DoctorOptions, one: Permission): Promise<string[]> {
  const { group, verbs } = one;
  const [resource = '', subresource] = one.resource.split('/');
  const answers = await Promise.all(
    verbs.map(async (verb) => {
      const question = { verb, resource, subresource, group, namespace };
      return (await client.canI?.(question, { signal: call.signal, timeoutMs: call.timeoutMs })) ?? true;
    }),
  );
  return verbs.filter((_, index) => answers[index] === false);
}

async function checkPermissions(options: DoctorOptions): Promise<DoctorCheck[]> {
  const { client, namespace } = options;
  if (client.canI === undefined)
    return [{ check: 'permission', state: 'unknown', message: 'this client cannot ask what it may do' }];
  const found: { permission: Permission; feature: DeployFeature | undefined; missing: string[] }[] = [];
  try {
    for (const permission of REQUIRED)
      found.push({ permission, feature: undefined, missing: await missingVerbs(options, permission) });
    for (const feature of FEATURES)
      for (const permission of FEATURE_PERMISSIONS[feature].permissions)
        found.push({ permission, feature, missing: await missingVerbs(options, permission) });
  } catch (error) {
    return [{ check: 'permission', state: 'unknown', message: `access reviews fail: ${reasonOf(error)}` }];
  }
  const granted = FEATURES.filter((feature) =>
    found.every((one) => one.feature !== feature || one.missing.length === 0),
  );
  return found.map(({ permission: { resource, verbs }, feature, missing }): DoctorCheck => {
    if (missing.length === 0)
      return { check: 'permission', state: 'ok', message: `may ${verbs.join(', ')} ${resource}` };
    const lost = feature === undefined ? 'no task can run' : FEATURE_PERMISSIONS[feature].lost;
    return {
      check: 'permission',
      state: feature === undefined ? 'error' : 'warning',
      message: `may not ${missing.join(', ')} ${resource}: without it ${lost}`,
      hint: rbacHint(
        new Set([...DEFAULT_FEATURES, ...granted, ...(feature === undefined ? [] : [feature])]),
        namespace,
      ),
    };
  });
}

async function checkQuota({ client, namespace, ...call }: DoctorOptions): Promise<DoctorCheck[]> {
  if (client.listQuotas === undefined) return [];
  try {
    const { items } = await client.listQuotas({ namespace, signal: call.signal, timeoutMs: call.timeoutMs });
    if (items.length === 0) return [{ check: 'quota', state: 'ok', message: `namespace ${namespace} has no quota` }];
    return items.flatMap(({ metadata, status }): DoctorCheck[] =>
      Object.entries(status?.hard ?? {}).map(([resource, hard]) => {
        const used = status?.used?.[resource] ?? '0';
        const [most, now] = [parseQuantity(hard), parseQuantity(used)];
        const isFull = most !== undefined && now !== undefined && now.nano >= most.nano;
        return {
          check: 'quota',
          state: isFull ? 'warning' : 'ok',
          message: `quota ${metadata?.name}: ${used} of ${hard} ${resource} used`,
          ...(isFull ? { hint: 'Tasks wait until something of it is free, at most config.quotaTimeout.' } : {}),
        };
      }),
    );
  } catch (error) {
    return [{ check: 'quota', state: 'unknown', message: `quotas cannot be read: ${reasonOf(error)}` }];
  }
}

async function checkAdmission({ client, namespace, pod, ...call }: DoctorOptions): Promise<DoctorCheck[]> {
  if (pod === undefined) return [];
  try {
    await client.createPod(namespace, pod, { dryRun: true, signal: call.signal, timeoutMs: call.timeoutMs });
    return [{ check: 'admission', state: 'ok', message: 'the API server takes a pod like those of tasks (dry run)' }];
  } catch (error) {
    if (error instanceof KubeApiError && error.status === 403 && error.message.includes('cannot create resource'))
      return [
        { check: 'admission', state: 'unknown', message: 'no pod can be tried without the permission to create it' },
      ];
    return [
      {
        check: 'admission',
        state: 'error',
        message: `a pod like those of tasks is refused (dry run): ${reasonOf(error)}`,
        hint: 'Change the pod template or the configuration, or ask who runs the admission that refuses it; podwright render shows the pod.',
      },
    ];
  }
}

/**
 * Makes every check, in an order in which the first one that fails tells most. Never rejects for what it finds.
 * Where the server cannot be reached nothing else is looked at.
 */
export async function diagnose(options: DoctorOptions): Promise<DoctorCheck[]> {
  const connection = await checkConnection(options);
  if (connection.some(({ state }) => state === 'error')) return connection;
  const checks: DoctorCheck[] = [];
  for (const look of [checkNamespace, checkPermissions, checkQuota, checkAdmission])
    checks.push(...(await look(options)));
  // The clock is read off the answers to the other checks.
  return [...connection, ...checkClock(options), ...checks];
}
