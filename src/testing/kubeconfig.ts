/** Kubeconfigs of embedded clusters. */

/** How a user shows who they are. */
export interface KubeconfigUser {
  readonly name: string;
  readonly token?: string | undefined;
  readonly pair?: { readonly cert: string; readonly key: string } | undefined;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** A kubeconfig for one user; `ca` is the authority to trust where the cluster speaks TLS. */
export function kubeconfigFor(server: string, user: KubeconfigUser, ca?: string): Record<string, unknown> {
  const trust =
    // Without the flag the official JavaScript client refuses to speak plain HTTP.
    ca === undefined ? { 'insecure-skip-tls-verify': true } : { 'certificate-authority-data': base64(ca) };
  const { name, token, pair } = user;
  const credentials = {
    ...(token === undefined ? {} : { token }),
    ...(pair === undefined
      ? {}
      : { 'client-certificate-data': base64(pair.cert), 'client-key-data': base64(pair.key) }),
  };
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'podwright', cluster: { server, ...trust } }],
    users: [{ name, user: credentials }],
    contexts: [{ name: 'podwright', context: { cluster: 'podwright', user: name, namespace: 'default' } }],
    'current-context': 'podwright',
  };
}
