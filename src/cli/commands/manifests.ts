/** `podwright manifests`: everything that a host needs in a cluster. */
import { deployManifests, type ManifestOptions } from '../../deploy/manifests.js';
import type { DeployFeature } from '../../deploy/permissions.js';
import { ConfigError } from '../../errors.js';
import { formatYaml } from '../../wire/yaml.js';
import type { CliIo } from '../io.js';

/** Options of `podwright manifests`. */
export interface ManifestsCommandOptions {
  readonly image?: string;
  readonly name: string;
  readonly namespace: string;
  readonly podNamespaces: readonly string[];
  /** `false` where the namespace is there already. */
  readonly createNamespace: boolean;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly initArgs?: readonly string[];
  readonly env: readonly string[];
  readonly envFromSecret?: string;
  readonly databaseSecret?: string;
  readonly withDatabase?: boolean;
  readonly metricsPort: number;
  readonly replicas: number;
  readonly runAsUser: number;
  readonly grace: number;
  readonly workerImage?: string;
  readonly workerServiceAccount?: string;
  readonly features?: readonly string[];
  readonly json?: boolean;
}

function environmentOf(pairs: readonly string[]): Record<string, string> {
  const wrong = pairs.find((pair) => !/^[A-Za-z_][A-Za-z0-9_.]*=/.test(pair));
  if (wrong !== undefined)
    throw new ConfigError([{ field: '--env', rule: 'must be NAME=value', hint: `as in --env MODE=batch` }]);
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

/** Prints the objects to apply. */
export function runManifests(options: ManifestsCommandOptions, io: CliIo): void {
  const { podNamespaces, env, grace, features, image, json, ...rest } = options;
  const items = deployManifests({
    ...rest,
    image: image as string,
    ...(podNamespaces.length === 0 ? {} : { podNamespaces }),
    env: environmentOf(env),
    terminationGracePeriodSeconds: grace,
    features: features as readonly DeployFeature[] | undefined,
  } satisfies ManifestOptions);
  if (json === true) io.out(`${JSON.stringify({ apiVersion: 'v1', kind: 'List', items })}\n`);
  else io.out(items.map((item) => `---\n${formatYaml(item)}`).join(''));
  const { databaseSecret: secret, namespace, withDatabase } = options;
  if (secret === undefined) return;
  const keys = withDatabase === true ? 'connection and password' : 'connection';
  io.err(
    `the Secret ${secret} with ${keys} is yours to make: kubectl -n ${namespace} create secret generic ${secret} …\n`,
  );
}
