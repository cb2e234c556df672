import { describe, expect, it } from 'vitest';
import { PodTemplatingError } from '../../../src/errors.js';
import { checkWorkload } from '../../../src/executors/workload.js';
import { NOTHING_SPENT } from '../../../src/lifecycle/policy.js';
import { TemplatePodGenerator } from '../../../src/pod/pod-generator.js';
import { templateContext } from '../../../src/pod/templating/context.js';
import { TemplateRenderer } from '../../../src/pod/templating/render.js';

const task = checkWorkload({
  key: { dagId: 'orders', taskId: 'load', runId: 'manual__1', tryNumber: 2 },
  command: ['true'],
  queue: 'big',
  context: {
    logical_date: '2026-01-31T06:07:08+00:00',
    params: { size: 3, tags: ['a', 'b'], nested: { deep: 'x' }, empty: '', none: null, on: true },
    dag_id: 'forged',
  },
});
const context = templateContext(task);
const render = (text: string) => new TemplateRenderer().render({ text }, context).text;
const problemsOf = (text: unknown, origin?: string) => {
  try {
    new TemplateRenderer().render({ spec: { list: [text] } }, context, origin);
  } catch (error) {
    expect(error).toBeInstanceOf(PodTemplatingError);
    return (error as PodTemplatingError).problems;
  }
  throw new Error('nothing was refused');
};

describe('templates', () => {
  it.each([
    ['plain text, {braces} and }}', 'plain text, {braces} and }}'],
    [
      '{{ dag_id }}/{{ task_id }}/{{ run_id }}/{{ try_number }}/{{ map_index }}/{{ queue }}',
      'orders/load/manual__1/2/-1/big',
    ],
    [
      '{{ dag.dag_id }} {{ task.task_id }} {{ ti.try_number }} {{ task_instance.task_id }} {{ dag_run.run_id }}',
      'orders load 2 load manual__1',
    ],
    [
      '{{ ds }} {{ ds_nodash }} {{ ts }} {{ ts_nodash }}',
      '2026-01-31 20260131 2026-01-31T06:07:08+00:00 20260131T060708',
    ],
    [
      "{{ logical_date | ds }} {{ logical_date | ts_nodash }} {{ '2026-02-03' | ds_nodash }}",
      '2026-01-31 20260131T060708 20260203',
    ],
    ["{{ params.nested['deep'] }} {{ params.tags[0] }} {{ params.tags[-1] }} {{ params['size'] }}", 'x a b 3'],
    [
      "{{ params.absent | default('d') }}{{ absent.deeper | d('e') }}{{ params.empty | default('f', true) }}{{ params.empty | default('g') }}",
      'def',
    ],
    ["{{ dag_id | upper | replace('ORD', 'x') | trim }}", 'xERS'],
    ["{{ dag_id | replace('o', '$&') }}", '$&rders'],
    [
      "{{ params.tags | join('-') }} {{ params.tags | length }} {{ params.tags | first }} {{ params.tags | last }}",
      'a-b 2 a b',
    ],
    ['{{ params.nested | tojson }}', '{"deep":"x"}'],
    [
      '{{ 5 + try_number }} {{ 5 - 2 }} {{ try_number ~ "x" }} {{ "7" | int }} {{ 7 | string }} {{ dag_id | truncate(3) }} {{ dag_id | capitalize }}',
      '7 3 2x 7 7 ord Orders',
    ],
    ['{% if try_number > 1 and queue == "big" %}again{% else %}first{% endif %}', 'again'],
    ['{% if queue != "big" %}a{% elif "o" in dag_id and "a" in params.tags %}b{% endif %}', 'b'],
    [
      "{{ 'yes' if not params.empty else 'no' }} {{ params.on }} {{ params.none }} {{ 1 not in [2] }}",
      'yes True None True',
    ],
    [
      '{% if absent is defined %}{{ absent.x }}{% endif %}{{ params.none is none }}{{ absent is undefined }}{{ dag_id is not none }}',
      'TrueTrueTrue',
    ],
    ["{{ '{{' }} {# a comment #}end", '{{ end'],
    ['first\n{{ dag_id }}\nlast\n', 'first\norders\nlast\n'],
  ])('%s', (text, expected) => {
    expect(render(text)).toBe(expected);
  });

  it('fill in values only, never names of fields, and change nothing else', () => {
    const manifest = { '{{ dag_id }}': [1, null, true, { a: '{{ dag_id }}' }] };
    const before = structuredClone(manifest);
    expect(new TemplateRenderer().render(manifest, context)).toEqual({
      '{{ dag_id }}': [1, null, true, { a: 'orders' }],
    });
    expect(manifest).toEqual(before);
  });

  it('do not fill in what a value itself looks like', () => {
    const hostile = { dag_id: '{{ secret }}', secret: 'x' };
    expect(new TemplateRenderer().render('{{ dag_id }}', hostile)).toBe('{{ secret }}');
  });
});

describe('a template that cannot be filled in', () => {
  it.each<[string, RegExp, RegExp | undefined]>([
    ['{{ dagid }}', /"dagid", which is not there/, /dag_id/],
    ['{{ params.sice }}', /"params.sice", which is not there/, /size/],
    ['{{ params.tags[9] }}', /not there/, undefined],
    ['{{ absent | upper }}', /not there/, undefined],
    ['{{ not absent }}', /not there/, undefined],
    ['{{ dag_id | uper }}', /filter "uper"/, /upper/],
    ['{{ range(10) }}', /calls "range"/, /no calls/],
    ['{{ dag_id.upper() }}', /calls/, /no calls/],
    ['{{ dag_id.constructor }}', /not there/, undefined],
    ['{{ params.__proto__ }}', /not there/, undefined],
    ["{{ params['constructor'] }}", /not there/, undefined],
    ['{% for x in params.tags %}{{ x }}{% endfor %}', /"For"/, /if and else/],
    ['{% set x = 1 %}', /"Set"/, /if and else/],
    ['{% macro a() %}{% endmacro %}', /"Macro"/, /if and else/],
    ['{{ dag_id', /no valid template/, /needs its/],
    ['{% if dag_id %}', /no valid template/, /endif/],
    ['{% include "x" %}', /no valid template/, undefined],
    ['{{ params }}', /an object or a list/, /tojson/],
    ['{{ params.tags }}', /an object or a list/, /join/],
    ['{{ params.size | upper }}', /needs a text/, undefined],
    ['{{ dag_id | int }}', /needs a number/, undefined],
    ['{{ dag_id | ds }}', /needs a date/, undefined],
    ['{{ dag_id < 5 }}', /both numbers or both texts/, undefined],
    ['{{ 2 * 3 }}', /operator "\*"/, undefined],
    ['{{ 1 in 5 }}', /neither text nor list/, undefined],
    ['{{ dag_id is upper }}', /test "upper"/, undefined],
    ['{{ params[none] }}', /neither text nor number/, undefined],
    [`{{ ${'('.repeat(200)}1${')'.repeat(200)} }}`, /nested/, undefined],
    [`{{ dag_id }}${'x'.repeat(70_000)}`, /more than 65536/, undefined],
    [`{{ dag_id${" | replace('o', 'oooooooooooooooooooo')".repeat(20)} }}`, /more than 131072/, undefined],
  ])('%s', (text, rule, hint) => {
    const [problem] = problemsOf(text, 'template');
    expect(problem?.field).toBe('spec.list[0]');
    expect(problem?.rule).toMatch(rule);
    if (hint !== undefined) expect(problem?.hint).toMatch(hint);
    expect(problem?.source).toBe('template');
  });

  it('never shows values of the context or the template itself', () => {
    const secret = 'hunter2';
    const renderer = new TemplateRenderer();
    for (const text of [
      `${secret} {{ a`,
      '{{ password | int }}',
      '{{ password | ds }}',
      '{{ password < 5 }}',
      `{{ '${secret}' | nofilter }}`,
    ])
      expect(() => renderer.render(text, { password: secret })).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining(secret) }),
      );
  });

  it('is told with all others at once', () => {
    const manifest = { a: '{{ x }}', b: { c: ['{{ y }}'] } };
    expect(() => new TemplateRenderer().render(manifest, {})).toThrow(/a uses "x".*b\.c\[0\] uses "y"/);
  });
});

describe('templating in the pod generator', () => {
  const launch = { launch: 1, spent: NOTHING_SPENT, executorId: 'e' };
  const template = {
    metadata: { labels: { team: '{{ params.nested.deep }}' } },
    spec: { containers: [{ name: 'base', image: 'repo/{{ dag_id }}:1', args: ['{{ not filled }}'] }] },
  };

  it('fills in templates and overrides, and gives the date as a variable', () => {
    const generator = new TemplatePodGenerator({ template, templating: true });
    const layered = {
      ...task,
      executorConfig: {
        env_vars: { DAY: '{{ ds }}' },
        podOverride: { metadata: { annotations: { run: '{{ run_id }}' } } },
      },
    };
    expect(() => generator.generate(layered, launch)).toThrow(PodTemplatingError);
    const right = { ...template, spec: { containers: [{ name: 'base', image: 'repo/{{ dag_id }}:1' }] } };
    const pod = new TemplatePodGenerator({ template: right, templating: true }).generate(layered, launch);
    expect(pod.metadata?.labels?.team).toBe('x');
    expect(pod.metadata?.annotations?.run).toBe('manual__1');
    expect(pod.spec?.containers[0]?.image).toBe('repo/orders:1');
    const env = Object.fromEntries((pod.spec?.containers[0]?.env ?? []).map(({ name, value }) => [name, value]));
    expect(env).toMatchObject({ DAY: '2026-01-31', AIRFLOW_CTX_LOGICAL_DATE: '2026-01-31T06:07:08+00:00' });
  });

  it('leaves braces alone unless it is asked for', () => {
    const annotated = {
      metadata: { annotations: { go: '{{ .Values }}' } },
      spec: { containers: [{ name: 'base', image: 'i' }] },
    };
    expect(new TemplatePodGenerator({ template: annotated }).generate(task, launch).metadata?.annotations?.go).toBe(
      '{{ .Values }}',
    );
  });

  it('names the layer of a template that cannot be filled in', () => {
    const generator = new TemplatePodGenerator({ image: 'i', templating: true });
    const wrong = { ...task, executorConfig: { labels: { a: '{{ nothing }}' } } };
    expect(() => generator.generate(wrong, launch)).toThrow(/executorConfig\.labels\.a .*executor config/);
  });
});

describe('policy and Pod Security in the pod generator', () => {
  const launch = { launch: 1, spent: NOTHING_SPENT, executorId: 'e' };
  const policy = { allow: ['metadata.labels', 'spec.containers[*].resources'], images: ['i'] };
  const generator = new TemplatePodGenerator({
    template: { spec: { hostNetwork: true, containers: [{ name: 'base', image: 'i' }] } },
    policy,
    podSecurity: 'restricted',
  });

  it('holds the task to the policy, and not the template', () => {
    const pod = generator.generate({ ...task, executorConfig: { labels: { a: 'b' }, request_cpu: '1' } }, launch);
    expect(pod.spec?.hostNetwork).toBe(true);
    expect(pod.spec?.securityContext).toMatchObject({ runAsNonRoot: true });
  });

  it.each([
    [{ image: 'other' }, /spec\.containers\[0\]\.image .*executor config.*spec\.containers\[0\]\.image must be one of/],
    [{ podOverride: { spec: { hostPID: true } } }, /spec\.hostPID .*pod override/],
  ])('refuses what the task may not set: %j', (executorConfig, message) => {
    const refused = () => generator.generate({ ...task, executorConfig }, launch);
    expect(refused).toThrow(expect.objectContaining({ code: 'ERR_PODWRIGHT_POD_POLICY' }));
    expect(refused).toThrow(message);
  });
});
