/** Which budget a verdict is put down to, and whether it allows another launch. */
import type { Verdict } from '../core/verdict.js';
import { FINAL_KINDS, type LaunchBudgets, type SpentLaunches } from './policy.js';

/** The budget that a failed launch is put down to, or `undefined` where no launch may follow. */
export function budgetOf(verdict: Verdict): keyof LaunchBudgets | undefined {
  if (FINAL_KINDS.has(verdict.kind)) return undefined;
  if (verdict.kind === 'oom_killed') return 'oom';
  if (verdict.blame === 'infra') return 'infra';
  return verdict.blame === 'task' ? 'task' : undefined;
}

/** What is spent after one more launch, or `undefined` where the budget does not allow it. */
export function spend(verdict: Verdict, spent: SpentLaunches, budgets: LaunchBudgets): SpentLaunches | undefined {
  const budget = budgetOf(verdict);
  if (budget === undefined || spent[budget] >= budgets[budget]) return undefined;
  return { ...spent, [budget]: spent[budget] + 1 };
}
