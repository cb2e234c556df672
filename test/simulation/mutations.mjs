/** Ways to break the promises, for `npm run mutate`: see mutate.mjs. */
import { H3, K, L } from './mutation-places.mjs';
import { mutationsOfOthers } from './mutations-of-others.mjs';

export const mutations = [
  // Proof before another launch.
  {
    name: 'relaunch-without-proof',
    file: `${K}/pod-end-flow.ts`,
    from: 'let isProven = track.isDead || (await ender.end(track, undefined));',
    to: 'let isProven = true;',
  },
  {
    name: 'dead-when-deletion-was-asked-for',
    file: 'src/lifecycle/observation.ts',
    from: "phase === 'Succeeded' || phase === 'Failed' || (phase === 'Pending' && isDeleting && node === undefined);",
    to: "phase === 'Succeeded' || phase === 'Failed' || isDeleting;",
  },
  {
    name: 'unproven-is-not-written-down',
    file: `${K}/pod-end-flow.ts`,
    from: '      await remover.annotate(seen, { [ANNOTATIONS.verdict]: written }, isAsItMustBe);\n',
    to: '',
  },
  {
    name: 'told-verdict-is-ignored',
    file: 'src/lifecycle/decide.ts',
    from: 'const told = toldEnd(pod);',
    to: 'const told = undefined as ReturnType<typeof toldEnd>;',
  },
  {
    name: 'success-at-the-end-is-ignored',
    file: `${K}/pod-end-flow.ts`,
    from: "return end?.result === 'success' ? end : undefined;",
    to: 'return end === undefined ? undefined : undefined;',
  },
  {
    name: 'limits-trust-a-silent-watch',
    file: `${K}/pod-end-flow.ts`,
    from: "if (decision.type === 'expired' && (await this.#isOutdated(track, decision))) return;",
    to: '',
  },
  // Names and creates.
  {
    name: 'names-are-random',
    file: 'src/pod/names.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text
    from: 'const hash = shortHash(`${keyToString(key)}@${launch}`, 14);',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text
    to: 'const hash = shortHash(`${keyToString(key)}@${launch}@${Math.random()}`, 14);',
  },
  {
    name: 'a-conflict-is-a-failure',
    file: `${L}/create-errors.ts`,
    from: "return error.reason === 'AlreadyExists' ? { type: 'exists' } : transient;",
    to: "return error.reason === 'AlreadyExists' ? { type: 'permanent', verdict: launchVerdict('launch_failed', message) } : transient;",
    and: [
      {
        file: `${L}/pod-launcher.ts`,
        from: "if ((!mayExist && !this.#options.isNameShared) || request.isLeft?.() === true) return { type: 'failed', verdict };",
        to: "if (mayExist || !mayExist) return { type: 'failed', verdict };",
      },
    ],
  },
  {
    name: 'a-lost-answer-is-a-failure',
    file: `${L}/create-errors.ts`,
    from: '    case 0:\n    case 401:',
    to: "    case 0:\n      return { type: 'permanent', verdict: launchVerdict('launch_failed', message) };\n    case 401:",
  },
  {
    name: 'a-cancelled-create-is-forgotten',
    file: `${L}/pod-launcher.ts`,
    from: 'const isToBeLookedFor = mayExist || (',
    to: 'const isToBeLookedFor = (',
  },
  {
    name: 'a-cancelled-create-is-read-once',
    file: `${L}/pod-launcher.ts`,
    from: 'const isHopeless = error instanceof LeaseLostError || waitedMs > READ_LIMIT_MS;',
    to: 'const isHopeless = error instanceof LeaseLostError || waitedMs >= 0;',
  },
  {
    name: 'a-failed-create-is-not-looked-for',
    file: `${L}/pod-launcher.ts`,
    from: "if ((!mayExist && !this.#options.isNameShared) || request.isLeft?.() === true) return { type: 'failed', verdict };",
    to: "if (mayExist || !mayExist) return { type: 'failed', verdict };",
  },
  { name: 'the-launch-number-does-not-count-up', file: `${K}/pod-track.ts`, from: 'this.launch += 1;', to: '' },
  {
    name: 'spent-launches-are-forgotten',
    file: `${K}/pod-track.ts`,
    from: 'this.spent = spent;\n    this.startOver();',
    to: 'this.startOver();',
  },
  // Evidence, outcome, deletion: in this order.
  {
    name: 'deleted-before-the-outcome',
    file: `${K}/pod-delivery.ts`,
    from: "    if (end.result === 'success') reports.success(track, details);\n    else reports.fail(track, end.verdict, details);\n    if (!isManuallyAcknowledged) void this.tracked(cleanup());",
    to: "    void cleanup().then(() => {\n      if (end.result === 'success') reports.success(track, details);\n      else reports.fail(track, end.verdict, details);\n    });",
  },
  {
    name: 'no-pod-is-removed',
    file: `${K}/pod-delivery.ts`,
    from: 'if (track.isDead) await remover.removeForGood(seen, { gracePeriodSeconds });',
    to: 'if (track.isDead) return;',
  },
  {
    name: 'a-cleanup-is-tried-once',
    file: `${L}/pod-remover.ts`,
    from: "if (!(error instanceof KubeApiError)) return 'given up';",
    to: "if (error instanceof Error) return 'given up';",
  },
  {
    name: 'what-there-was-no-right-to-stays',
    file: `${L}/pod-remover.ts`,
    from: "if (result === 'refused' && ifRefused === 'owe')",
    to: 'if (result === undefined)',
  },
  {
    name: 'deletes-without-uid',
    file: `${L}/pod-remover.ts`,
    from: 'this.#options.client.deletePod(namespace, name, { uid, resourceVersion, gracePeriodSeconds }),',
    to: 'this.#options.client.deletePod(namespace, name, { gracePeriodSeconds }),',
  },
  {
    name: 'late-news-of-released-pods-count',
    file: `${K}/pod-intake.ts`,
    from: '    if (tracks.isReleased(uid)) return;\n',
    to: '',
  },
  {
    name: 'old-news-count',
    file: `${K}/pod-lifecycle.ts`,
    from: 'if (order !== undefined && order < 0) return;',
    to: '',
  },
  {
    name: 'vanished-pods-are-not-noticed',
    file: `${K}/pod-feed.ts`,
    from: 'if (isInReach(seen, scope, listVersion)) handlers.onGone(podId, undefined);',
    to: '',
    in: [{ hosts: 1, steps: 2_500 }],
  },
  {
    name: 'a-pod-after-the-outcome-is-adopted',
    file: 'src/executors/base-executor.ts',
    from: ' || this.#board.hasEnded(id))) return undefined;',
    to: ')) return undefined;',
    in: [{ hosts: 1, steps: 1_500 }, ...H3],
  },
  {
    name: 'a-pod-of-a-queued-task-is-removed',
    file: 'src/executors/base-executor.ts',
    from: 'const queued = this.#board.takeQueued(id);',
    to: 'const queued = undefined as TaskEntry | undefined;',
    in: H3,
  },
  {
    name: 'ends-are-deleted-unseen',
    file: `${K}/pod-ender.ts`,
    from: "remover.remove(seen, { gracePeriodSeconds: grace, keepsFinalizer: true, isStillToGo, ifRefused: 'insist' })",
    to: "remover.remove(seen, { gracePeriodSeconds: grace, keepsFinalizer: true, ifRefused: 'insist' })",
  },
  {
    name: 'who-tells-does-not-say-what',
    file: `${K}/pod-delivery.ts`,
    from: '{ [ANNOTATIONS.holdsName]: String(ms), ...verdictNote(failure) }',
    to: '{ [ANNOTATIONS.holdsName]: String(ms) }',
    and: [
      {
        file: `${K}/pod-stopper.ts`,
        from: "const written = remover.annotate(seen, { [ANNOTATIONS.verdict]: 'cancelled' });",
        to: 'const written = Promise.resolve();',
      },
    ],
    in: H3,
  },
  // Slots.
  {
    name: 'slots-are-counted',
    file: 'src/executors/task-board.ts',
    from: '    return this.#running.size;',
    to: '    return ((globalThis as { most?: number }).most = Math.max((globalThis as { most?: number }).most ?? 0, this.#running.size));',
  },
  {
    name: 'a-settled-task-keeps-its-slot',
    file: 'src/executors/task-board.ts',
    from: '    this.#running.delete(entry.id);\n',
    to: '    if (entry.stopReason === undefined) this.#running.delete(entry.id);\n',
  },
  // Adoption.
  {
    name: 'former-pods-are-not-adopted',
    file: `${K}/pod-intake.ts`,
    from: '    else if (labels?.[LABELS.executorId] === executorLabel && !isMarkedDone(pod)) this.#adopt(pod, isListed);',
    to: '',
  },
  {
    name: 'the-older-of-two-pods-counts',
    file: `${K}/pod-intake.ts`,
    from: 'if (isDoneWith || launchOf(pod) <= track.launch) {',
    to: 'if (launchOf(pod) > track.launch) {',
  },
  {
    name: 'kept-pods-are-forgotten',
    file: `${K}/kubernetes-executor.ts`,
    from: '      void this.#parts.keeper.resumeUntilDone(signal);\n',
    to: '',
    in: H3,
  },
  // Leases.
  {
    name: 'writes-without-a-lease',
    file: 'src/lease/fenced-client.ts',
    from: 'if (!lease.isHeld) await lease.confirm();',
    to: '',
    and: [{ file: 'src/lease/fenced-client.ts', from: 'gated[at] = { ...options, gate };', to: '' }],
    in: H3,
  },
  {
    name: 'retries-outlive-the-lease',
    file: 'src/lease/fenced-client.ts',
    from: 'gated[at] = { ...options, gate };',
    to: '',
  },
  {
    name: 'a-takeover-outlives-its-lease',
    file: `${K}/taken-lease.ts`,
    from: 'return !this.hasFailed && this.#ageMs < (this.#options.durationMs * 2) / 3;',
    to: 'return true;',
    and: [
      {
        file: `${K}/taken-lease.ts`,
        from: 'if (this.#ageMs < this.#options.durationMs / 3) return;',
        to: 'if (this.#ageMs < 1e9) return;',
      },
    ],
    in: H3,
  },
  {
    name: 'doubt-stops-nothing',
    file: `${K}/pod-lifecycle.ts`,
    from: 'this.#options.fence?.isHeld === false || ',
    to: '',
    and: [
      { file: `${K}/pod-lifecycle.ts`, from: 'if (fence?.isHeld === false) await fence.confirm();', to: '' },
      {
        file: `${K}/pod-lifecycle.ts`,
        from: 'const flow = (fence === undefined ? previous : previous.then(() => fence.confirm()))',
        to: 'const flow = (fence === undefined ? previous : previous)',
      },
      { file: 'src/lease/fenced-client.ts', from: 'if (!lease.isHeld) await lease.confirm();', to: '' },
      { file: 'src/lease/fenced-client.ts', from: 'gated[at] = { ...options, gate };', to: '' },
    ],
    in: H3,
  },
  {
    name: 'a-lost-lease-changes-nothing',
    file: `${K}/kubernetes-executor.ts`,
    from: '    track.isAbandoned = true;\n    this.#parts.lifecycle.cancelAlarm(track);\n',
    to: '    this.#parts.lifecycle.cancelAlarm(track);\n',
    in: [{ hosts: 3, steps: 2_500 }],
  },
  {
    name: 'the-living-are-taken-over',
    file: `${K}/peers.ts`,
    from: 'if (!signal.aborted && !this.#isAlive(known.sight)) await',
    to: 'if (!signal.aborted) await',
    in: H3,
  },
  {
    name: 'pods-of-the-living-are-claimed',
    file: `${K}/pod-claim.ts`,
    from: 'const isLeftAlone = await mayBeAlive(owner, waits > 0);',
    to: 'const isLeftAlone = false;',
    in: H3,
  },
  {
    name: 'the-dead-are-not-taken-over',
    file: `${K}/kubernetes-executor.ts`,
    from: 'const isComplete = await this.#parts.intake.adoptFrom(label, this.#namespaces(), lease);',
    to: 'const isComplete = true;',
    in: H3,
  },
  {
    name: 'adoption-without-precondition',
    file: `${K}/adoption.ts`,
    from: 'return { metadata: { uid, resourceVersion, labels: { [LABELS.executorId]: executorLabel } } };',
    to: 'return { metadata: { labels: { [LABELS.executorId]: executorLabel } } };',
    in: H3,
  },
  {
    name: 'a-lease-is-taken-early',
    file: 'src/lease/lease-sight.ts',
    from: 'return now - since >= durationMs;',
    to: 'return now - since >= durationMs / 8;',
    in: H3,
  },
  {
    name: 'a-lease-is-held-for-ever',
    file: 'src/lease/lease-holder.ts',
    from: 'return elapsed >= (durationMs * 2) / 3;',
    to: 'return elapsed >= durationMs * 100;',
    in: H3,
  },
  {
    name: 'names-are-not-held',
    file: `${K}/pod-delivery.ts`,
    from: 'if (holdNamesMs !== undefined && track.isDead) {',
    to: 'if (holdNamesMs === -1) {',
    in: H3,
  },
  {
    name: 'launches-have-names-of-their-own',
    file: `${K}/pod-launch-flow.ts`,
    from: 'const takesFirstName = this.#options.fence !== undefined || (isNameFree && isNamedHere);',
    to: 'const takesFirstName = isNameFree && isNamedHere;',
    in: H3,
  },
  {
    name: 'no-finalizers',
    file: `${K}/executor-parts.ts`,
    from: 'tracksWithFinalizer: (options.trackWithFinalizer ?? false) || fence !== undefined,',
    to: 'tracksWithFinalizer: false,',
    in: H3,
  },
  {
    name: 'finalizers-stay',
    file: `${L}/pod-remover.ts`,
    from: "'$deleteFromPrimitiveList/finalizers': [FINALIZER]",
    to: "'$deleteFromPrimitiveList/finalizers': []",
  },
  // Waits.
  {
    name: 'waits-have-no-limit',
    file: 'src/lifecycle/decide.ts',
    from: 'if (!isFatal && now < until) {',
    to: 'if (!isFatal && now < Number.POSITIVE_INFINITY) {',
  },
  {
    name: 'quota-is-a-failure',
    file: `${L}/create-errors.ts`,
    from: "return { type: 'quota', verdict: launchVerdict('quota.full', message), message };\n}",
    to: "return { type: 'permanent', verdict: launchVerdict('unknown', message) };\n}",
  },
  // Acknowledgement, and who hears of an outcome.
  {
    name: 'ack-is-a-noop',
    file: `${K}/pod-delivery.ts`,
    from: 'acknowledge: isManuallyAcknowledged ? this.onAcknowledged(track, cleanup) : undefined,',
    to: 'acknowledge: undefined,',
  },
  {
    name: 'cleanup-does-not-wait-for-the-acknowledgement',
    file: `${K}/pod-delivery.ts`,
    from: 'if (!isManuallyAcknowledged) void this.tracked(cleanup());',
    to: 'void this.tracked(cleanup());',
  },
  {
    name: 'a-late-success-is-not-acknowledged',
    file: `${K}/pod-stopper.ts`,
    from: 'delivery.deliver(track, end, { isFound: found !== undefined });',
    to: "delivery.deliver(track, end, { isFound: found !== undefined }); void delivery.discard(track, graceSeconds, 'cancelled');",
  },
  {
    name: 'a-success-is-called-cancelled',
    file: `${K}/pod-stopper.ts`,
    from: 'const end = found ?? (isProven ? succeededAfterAll(track) : undefined);',
    to: 'const end = found;',
  },
  {
    name: 'the-run-is-not-settled',
    file: 'src/executors/base-executor.ts',
    from: '    entry.settle(outcome);\n',
    to: '',
  },
  {
    name: 'the-buffer-is-not-filled',
    file: 'src/executors/outcome-hub.ts',
    from: 'this.note(task, { state: outcome.state, info: outcome.ranAs, outcome });',
    to: '',
  },
  {
    name: 'streams-miss-outcomes',
    file: 'src/executors/outcome-hub.ts',
    from: 'this.#streams.push(outcome);',
    to: '',
  },
  {
    name: 'the-result-is-lost',
    file: 'src/lifecycle/classify.ts',
    from: "return { result: 'success', exitCode, message: base.message, warnings: notes };",
    to: "return { result: 'success', exitCode, message: undefined, warnings: notes };",
  },
  {
    name: 'logs-are-not-waited-for',
    file: `${K}/pod-delivery.ts`,
    from: 'await reports.logsRead(track);',
    to: 'void reports.logsRead(track);',
  },
  {
    name: 'kept-pods-are-not-marked',
    file: `${K}/pod-delivery.ts`,
    from: '      await remover.markDone(seen, verdictNote(failure), { onMarked, ifDeleted });\n',
    to: '      void onMarked, ifDeleted;\n',
  },
  // Launches and their budgets.
  {
    name: 'relaunch-before-the-old-name-is-free',
    file: `${K}/pod-end-flow.ts`,
    from: "const isRemoved = await this.#waitFor(track, remover.remove(seen, { ifRefused: 'tell' }));",
    to: 'const isRemoved = true as boolean;',
    in: H3,
  },
  {
    name: 'old-pods-of-relaunches-stay',
    file: `${K}/pod-delivery.ts`,
    from: 'this.tracked(logsRead.then(() => this.#options.remover.removeFormer(pod)));',
    to: 'logsRead;',
  },
  {
    name: 'the-last-pod-goes-first',
    file: `${K}/pod-track.ts`,
    from: 'this.former = Promise.all([this.former, removal]);',
    to: 'this.former = undefined;',
    and: [
      {
        file: `${K}/pod-delivery.ts`,
        from: '    await this.removeFormer(track);\n    if (seen === undefined || track.isGone || track.isTold) return',
        to: '    if (seen === undefined || track.isGone || track.isTold) return',
      },
    ],
  },
  {
    name: 'infra-spends-the-oom-budget',
    file: 'src/lifecycle/retry-rules.ts',
    from: "if (verdict.blame === 'infra') return 'infra';",
    to: "if (verdict.blame === 'infra') return 'oom';",
  },
  {
    name: 'budget-off-by-one',
    file: 'src/lifecycle/retry-rules.ts',
    from: 'spent[budget] >= budgets[budget]',
    to: 'spent[budget] > budgets[budget]',
  },
  {
    name: 'task-failures-are-relaunched',
    file: 'src/lifecycle/retry-rules.ts',
    from: "return verdict.blame === 'task' ? 'task' : undefined;",
    to: "return verdict.blame === 'task' ? 'infra' : undefined;",
  },
  {
    name: 'spent-is-not-read-back',
    file: `${K}/pod-track.ts`,
    from: 'this.spent = decodeSpent(pod.metadata?.annotations?.[ANNOTATIONS.spent]);',
    to: 'this.spent = NOTHING_SPENT;',
  },
  {
    name: 'launch-is-not-read-back',
    file: `${K}/pod-track.ts`,
    from: 'this.launch = launchOf(pod);',
    to: '',
  },
  // Verdicts and limits.
  {
    name: 'evictions-are-the-tasks-fault',
    file: 'src/lifecycle/classify.ts',
    from: '  return failed(\n    disruptionOf(pod) ??\n      deletionOf(pod) ??',
    to: '  return failed(\n    deletionOf(pod) ??',
  },
  {
    name: 'oom-is-an-exit',
    file: 'src/lifecycle/classify.ts',
    from: "  if (base.reason === 'OOMKilled')\n    return podVerdict('oom_killed', `Container",
    to: "  if (base.reason === 'OOMKilledX')\n    return podVerdict('oom_killed', `Container",
  },
  {
    name: 'the-running-limit-is-ignored',
    file: 'src/lifecycle/decide.ts',
    from: 'const until = (runningSince ?? now) + runningMs;',
    to: 'const until = now + runningMs + 1;',
  },
  {
    name: 'an-adopted-run-counts-from-now',
    file: `${K}/adoption.ts`,
    from: "runningSince: pod.base?.state === 'running' ? since(pod.base.startedAt) : undefined,",
    to: "runningSince: pod.base?.state === 'running' ? now : undefined,",
  },
  {
    name: 'the-hosts-clock-judges',
    file: `${K}/adoption.ts`,
    from: 'clock.now() + serverOffsetMs - at',
    to: 'clock.now() - at',
  },
  // Secrets.
  {
    name: 'a-secret-of-a-failed-launch-stays',
    file: `${L}/pod-secrets.ts`,
    from: "else if (provided.how === 'made' || !isNameShared) await this.#remove(client, namespace, name);",
    to: '',
  },
  // Slots and order.
  {
    name: 'parallelism-is-off-by-one',
    file: 'src/executors/base-executor.ts',
    from: 'while (this.#board.runningCount < this.parallelism) {',
    to: 'while (this.#board.runningCount <= this.parallelism) {',
  },
  {
    name: 'priorities-are-ignored',
    file: 'src/executors/task-board.ts',
    from: 'this.#queue.push(entry.id, entry, entry.task.priority);',
    to: 'this.#queue.push(entry.id, entry, 0);',
  },
  {
    name: 'no-kick-after-a-settle',
    file: 'src/executors/base-executor.ts',
    from: '    this.#gate.check();\n    this.kick();\n    return true;',
    to: '    this.#gate.check();\n    return true;',
  },
  // Watches, lists and calls.
  {
    name: 'only-the-first-page',
    file: 'src/watch/list-watch-step.ts',
    from: "if (next !== undefined && next !== '') {",
    to: "if (next !== undefined && next === 'x') {",
  },
  {
    name: 'any-read-error-means-no-pod',
    file: 'src/kube/resource-calls.ts',
    from: 'if (error instanceof KubeApiError && error.status === 404) return undefined;\n      throw error;\n    }\n  }\n\n  /** One page. */',
    to: 'if (error instanceof KubeApiError) return undefined;\n      throw error;\n    }\n  }\n\n  /** One page. */',
  },
  // What was taken back, and what others have.
  {
    name: 'a-revoked-task-speaks',
    file: `${K}/pod-stopper.ts`,
    from: 'const isTakenBack = isSilent && (await this.#takeBack(track));',
    to: "const isTakenBack = isSilent;\n    if (isSilent) void delivery.discard(track, graceSeconds, 'cancelled');",
    in: H3,
  },
  {
    name: 'a-revoke-without-proof-is-silent',
    file: 'src/executors/base-executor.ts',
    from: 'if (decided === undefined || details.isUnproven === true) entry.isSilent = false;',
    to: 'if (decided === undefined) entry.isSilent = false;',
  },
  ...mutationsOfOthers,
];
