import { expect, it } from 'vitest';
import { resolveKubernetesConfig } from '../../src/config/kubernetes-config.js';
import { ConfigError } from '../../src/errors.js';

it('fills in defaults and reads durations', () => {
  expect(resolveKubernetesConfig()).toMatchObject({
    namespace: 'default',
    deleteWorkerPods: true,
    deleteWorkerPodsOnFailure: false,
    brokenTimeoutMs: 60_000,
    runningTimeoutMs: undefined,
  });
  expect(resolveKubernetesConfig({ namespace: 'jobs', runningTimeout: '2h', brokenTimeout: 5 })).toMatchObject({
    namespace: 'jobs',
    runningTimeoutMs: 7_200_000,
    brokenTimeoutMs: 5,
  });
});

it('leaves its input alone and its result frozen', () => {
  const input = Object.freeze({ namespace: undefined, image: 'x' });
  expect(Object.isFrozen(resolveKubernetesConfig(input))).toBe(true);
});

it('reports all problems at once, each with field, value, rule and way out', () => {
  const wrong = {
    namespce: 'x',
    namespace: 'No Good',
    podCreationConcurrency: 0,
    startingTimeout: 'soon',
    watchNamespaces: ['a', 'B!'],
  };
  try {
    resolveKubernetesConfig(wrong as never);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    const { problems, code } = error as ConfigError;
    expect(code).toBe('ERR_PODWRIGHT_CONFIG');
    expect(
      problems
        .map(({ field }) => field)
        .filter((field, index, all) => all.indexOf(field) === index)
        .sort(),
    ).toEqual([
      'config.namespace',
      'config.namespce',
      'config.podCreationConcurrency',
      'config.startingTimeout',
      'config.watchNamespaces',
      'config.watchNamespaces[1]',
    ]);
    expect(problems).toContainEqual({
      field: 'config.namespce',
      rule: 'is not a known key',
      hint: 'did you mean namespace?',
    });
    expect(problems).toContainEqual(
      expect.objectContaining({ field: 'config.podCreationConcurrency', value: 0, rule: 'must be >= 1' }),
    );
  }
});

it.each([[null], [5], ['x'], [[]]])('refuses %j', (input) => {
  expect(() => resolveKubernetesConfig(input as never)).toThrowError(ConfigError);
});
