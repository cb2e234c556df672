/** Who asks, and whether they may. */
import type { RequestFacts } from './faults.js';
import type { UserInfo } from './request.js';
import { ApiError, badRequest, failure, unauthorized } from './status.js';

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

/** What a user may do, as a rule of a role says it. `*` stands for all. */
export interface AccessRule {
  /** Verbs, for example `get` and `list`. */
  readonly verbs: readonly string[];
  /** Resources, for example `pods` and `pods/log`. */
  readonly resources: readonly string[];
  /** Namespaces in which the rule counts. @default all, and objects without one */
  readonly namespaces?: readonly string[] | undefined;
  /** Names of the objects it counts for. @default all */
  readonly resourceNames?: readonly string[] | undefined;
}

/** A user of an embedded cluster. */
export interface ClusterUser {
  /** The name that messages show, and that a client certificate must have as its common name. */
  readonly name: string;
  /** Groups besides `system:authenticated`. @default none */
  readonly groups?: readonly string[] | undefined;
  /** Bearer token. @default none: the user comes with a client certificate, or by impersonation */
  readonly token?: string | undefined;
  /** What the user may do. @default everything */
  readonly rules?: readonly AccessRule[] | undefined;
}

const MASTERS = 'system:masters';
const AUTHENTICATED = 'system:authenticated';
/** Who sends requests to a cluster that does not ask. */
export const ADMIN: UserInfo = { name: 'kubernetes-admin', groups: [MASTERS, AUTHENTICATED] };

const holds = (list: readonly string[] | undefined, value: string) =>
  list === undefined || list.includes('*') || list.includes(value);

/** A namespace is judged as what it holds is. */
const namespaceOf = ({ namespace, resource, name }: RequestFacts) =>
  resource.split('/')[0] === 'namespaces' ? name : namespace;

function permits(rule: AccessRule, facts: RequestFacts): boolean {
  return (
    holds(rule.verbs, facts.verb) &&
    (holds(rule.resources, facts.resource) || isSubresourceOf(rule.resources, facts.resource)) &&
    holds(rule.namespaces, namespaceOf(facts)) &&
    (rule.resourceNames === undefined || rule.resourceNames.includes(facts.name))
  );
}

/** A rule may name the subresource of any resource, as one for the logs of anything does. */
function isSubresourceOf(resources: readonly string[], resource: string): boolean {
  const [, subresource] = resource.split('/');
  return subresource !== undefined && resources.includes(`*/${subresource}`);
}

/** Users by token, their rules, and prohibitions. Without users everybody is the administrator, until they impersonate somebody. */
export class Access {
  readonly #tokens = new Map<string, UserInfo>();
  readonly #rules = new Map<string, readonly AccessRule[] | undefined>();
  #prohibitions: Prohibition[] = [];
  /** Whether a request must say who sends it, as it must once a token or a user is known. */
  #asksWho = false;

  /** Accepts a bearer token for a user (by default the administrator). */
  addToken(token: string, user: UserInfo = ADMIN): void {
    this.#asksWho = true;
    this.#tokens.set(token, user);
  }

  /** Refuses a token from now on. */
  removeToken(token: string): void {
    this.#tokens.delete(token);
  }

  /** Takes a user in. */
  addUser({ name, groups = [], token, rules }: ClusterUser): void {
    this.#asksWho = true;
    this.#rules.set(name, rules);
    if (token !== undefined) this.#tokens.set(token, { name, groups: [...groups, AUTHENTICATED] });
  }

  /** Forbids something; the returned function allows it again. */
  forbid(prohibition: Prohibition): () => void {
    this.#prohibitions.push(prohibition);
    return () => {
      this.#prohibitions = this.#prohibitions.filter((other) => other !== prohibition);
    };
  }

  /**
   * The user of a request; `peer` is the one whom a client certificate names.
   * @throws ApiError 401, or 403 where the user may not impersonate.
   */
  authenticate(headers: Readonly<Record<string, string>>, peer?: UserInfo): UserInfo {
    const user = this.#sender(headers, peer);
    const impersonated = headers['impersonate-user'] ?? '';
    // One header a group: joined by line breaks in this process, and by Node with a comma and a space.
    const groups = (headers['impersonate-group'] ?? '').split(/\n|, /).map((group) => group.trim());
    const named = groups.filter((group) => group !== '');
    const uid = headers['impersonate-uid'] ?? '';
    const extra = Object.entries(headers).filter(([name]) => name.startsWith('impersonate-extra-'));
    if (impersonated === '' && named.length === 0 && uid === '' && extra.length === 0) return user;
    if (impersonated === '') {
      const texts = (list: readonly string[]) => `[]string{${list.map((text) => JSON.stringify(text)).join(', ')}}`;
      const extras = extra.map(([name, value]) => `${JSON.stringify(name.slice(18))}:${texts([value])}`);
      throw badRequest(
        `requested &user.DefaultInfo{Name:"", UID:${JSON.stringify(uid)}, Groups:${named.length === 0 ? '[]string(nil)' : texts(named)}, Extra:map[string][]string${extras.length === 0 ? '(nil)' : `{${extras.join(', ')}}`}} without impersonating a user name`,
      );
    }
    this.authorize(user, { verb: 'impersonate', resource: 'users', namespace: '', name: impersonated }, '');
    return { name: impersonated, groups: [...named, AUTHENTICATED] };
  }

  #sender(headers: Readonly<Record<string, string>>, peer: UserInfo | undefined): UserInfo {
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
    const bearer = token === undefined ? undefined : this.#tokens.get(token);
    if (peer !== undefined && token === undefined) return peer;
    const user = this.#asksWho ? bearer : ADMIN;
    if (user === undefined) throw unauthorized();
    return user;
  }

  /** Whether the user may do it. */
  allows(user: UserInfo, facts: RequestFacts): boolean {
    const isForbidden = this.#prohibitions.some(
      (rule) =>
        (rule.user === undefined || rule.user === user.name) &&
        (rule.verb === undefined || rule.verb === facts.verb) &&
        (rule.resource === undefined || rule.resource === facts.resource) &&
        (rule.namespace === undefined || rule.namespace === facts.namespace),
    );
    if (isForbidden) return false;
    if (user.groups.includes(MASTERS)) return true;
    if (!this.#rules.has(user.name)) return false;
    const rules = this.#rules.get(user.name);
    return rules === undefined || rules.some((rule) => permits(rule, facts));
  }

  /** Refuses paths that are not about objects to all but administrators. @throws ApiError 403. */
  authorizePath({ name, groups }: UserInfo, method: string, path: string): void {
    if (groups.includes(MASTERS) || (this.#rules.has(name) && this.#rules.get(name) === undefined)) return;
    const message = `forbidden: User "${name}" cannot ${method.toLowerCase()} path ${JSON.stringify(path)}`;
    throw new ApiError(failure(403, 'Forbidden', message, {}));
  }

  /** @throws ApiError 403 where the user may not. */
  authorize(user: UserInfo, facts: RequestFacts, group: string): void {
    if (this.allows(user, facts)) return;
    const resource = facts.resource.split('/')[0] ?? '';
    const subject = `${resource}${group === '' ? '' : `.${group}`}${facts.name === '' ? '' : ` ${JSON.stringify(facts.name)}`}`;
    const namespace = namespaceOf(facts);
    const scope = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
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
