/** Who asks, and whether they may. */
import type { RequestFacts } from './faults.js';
import type { UserInfo } from './request.js';
import { ApiError, failure, unauthorized } from './status.js';

/** A rule that forbids; what is left out fits anything. */
export interface Prohibition {
  /** Who may not. @default everybody */
  readonly user?: string | undefined;
  /** What they may not, for example `delete`. @default anything */
  readonly verb?: string | undefined;
  /** On what, for example `pods` or `pods/log`. @default anything */
  readonly resource?: string | undefined;
  /** Where. @default everywhere */
  readonly namespace?: string | undefined;
}

const ADMIN: UserInfo = { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] };

/** Users by token, and prohibitions. Without any token everybody is the administrator. */
export class Access {
  readonly #tokens = new Map<string, UserInfo>();
  #prohibitions: Prohibition[] = [];

  /** Accepts a bearer token for a user (by default the administrator). */
  addToken(token: string, user: UserInfo = ADMIN): void {
    this.#tokens.set(token, user);
  }

  /** Refuses a token from now on. */
  removeToken(token: string): void {
    this.#tokens.delete(token);
  }

  /** Forbids something; the returned function allows it again. */
  forbid(prohibition: Prohibition): () => void {
    this.#prohibitions.push(prohibition);
    return () => {
      this.#prohibitions = this.#prohibitions.filter((other) => other !== prohibition);
    };
  }

  /** The user of a request. @throws ApiError 401. */
  authenticate(headers: Readonly<Record<string, string>>): UserInfo {
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
    const user = this.#tokens.size === 0 ? ADMIN : token === undefined ? undefined : this.#tokens.get(token);
    if (user === undefined) throw unauthorized();
    const impersonated = headers['impersonate-user'];
    if (impersonated === undefined) return user;
    const groups = (headers['impersonate-group'] ?? '').split(',').filter((group) => group !== '');
    return { name: impersonated, groups: [...groups, 'system:authenticated'] };
  }

  /** Whether the user may do it. */
  allows(user: UserInfo, facts: RequestFacts): boolean {
    return !this.#prohibitions.some(
      (rule) =>
        (rule.user === undefined || rule.user === user.name) &&
        (rule.verb === undefined || rule.verb === facts.verb) &&
        (rule.resource === undefined || rule.resource === facts.resource) &&
        (rule.namespace === undefined || rule.namespace === facts.namespace),
    );
  }

  /** @throws ApiError 403 where the user may not. */
  authorize(user: UserInfo, facts: RequestFacts, group: string): void {
    if (this.allows(user, facts)) return;
    const resource = facts.resource.split('/')[0] ?? '';
    const subject = `${resource}${group === '' ? '' : `.${group}`}${facts.name === '' ? '' : ` ${JSON.stringify(facts.name)}`}`;
    const scope = facts.namespace === '' ? 'at the cluster scope' : `in the namespace "${facts.namespace}"`;
    throw new ApiError(
      failure(
        403,
        'Forbidden',
        `${subject} is forbidden: User "${user.name}" cannot ${facts.verb} resource "${facts.resource}" in API group "${group}" ${scope}`,
        { ...(facts.name === '' ? {} : { name: facts.name }), ...(group === '' ? {} : { group }), kind: resource },
      ),
    );
  }
}
