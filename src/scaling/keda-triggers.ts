/** The triggers that podwright's hosts are scaled by. */
import type { KedaTrigger } from './keda.js';

type Authentication = Pick<KedaTrigger, 'authenticationRef' | 'name' | 'metricType'>;

/** Options of {@link postgresqlTrigger}. */
export interface PostgresqlTriggerOptions extends Authentication {
  /** Variable of the workers that holds the connection; a connection itself belongs into a TriggerAuthentication. */
  readonly connectionFromEnv?: string | undefined;
  /** Query that gives one number. */
  readonly query: string;
  /** How much of it one worker takes. */
  readonly targetQueryValue: number;
  /** Above this there is work at all. @default 0 */
  readonly activationTargetQueryValue?: number | undefined;
}

/** Options of {@link prometheusTrigger}. */
export interface PrometheusTriggerOptions extends Authentication {
  /** Address of Prometheus. */
  readonly serverAddress: string;
  /** Query that gives one number. */
  readonly query: string;
  /** How much of it one worker takes. */
  readonly threshold: number;
  /** Above this there is work at all. @default 0 */
  readonly activationThreshold?: number | undefined;
}

/** Options of {@link metricsApiTrigger}. */
export interface MetricsApiTriggerOptions extends Authentication {
  /** Address of the host's endpoint; see `serveMetrics`. */
  readonly url: string;
  /** Place of the number in the JSON. @default 'tasks', those queued and running */
  readonly valueLocation?: string | undefined;
  /** How much of it one worker takes. */
  readonly targetValue: number;
  /** Above this there is work at all. @default 0 */
  readonly activationTargetValue?: number | undefined;
}

const texts = (fields: Readonly<Record<string, string | number | undefined>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );

const trigger = (
  type: string,
  metadata: Record<string, string>,
  { name, authenticationRef, metricType }: Authentication,
): KedaTrigger => ({
  type,
  metadata,
  ...(name === undefined ? {} : { name }),
  ...(authenticationRef === undefined ? {} : { authenticationRef }),
  ...(metricType === undefined ? {} : { metricType }),
});

/** Scales by a number from PostgreSQL, for example of tasks queued and running. Checked by the object that it goes into. */
export function postgresqlTrigger(options: PostgresqlTriggerOptions): KedaTrigger {
  const { connectionFromEnv, query, targetQueryValue, activationTargetQueryValue } = options;
  return trigger(
    'postgresql',
    texts({ connectionFromEnv, query, targetQueryValue, activationTargetQueryValue }),
    options,
  );
}

/** Scales by a number from Prometheus. */
export function prometheusTrigger(options: PrometheusTriggerOptions): KedaTrigger {
  const { serverAddress, query, threshold, activationThreshold } = options;
  return trigger('prometheus', texts({ serverAddress, query, threshold, activationThreshold }), options);
}

/** Scales by a number that the host itself serves. */
export function metricsApiTrigger(options: MetricsApiTriggerOptions): KedaTrigger {
  const { url, valueLocation = 'tasks', targetValue, activationTargetValue } = options;
  return trigger('metrics-api', texts({ url, valueLocation, targetValue, activationTargetValue }), options);
}
