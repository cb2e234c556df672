/** Ways to an API server: the embedded one, or whichever a kubeconfig names. */
import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import yaml from 'js-yaml';

/** One request; the answer's body arrives piece by piece. */
export type Send = (request: {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
  /** Sees each piece of the body; `true` ends the request there. */
  onPiece?: (text: string) => boolean;
}) => Promise<{ status: number; headers: Record<string, string | undefined>; text: string }>;

interface Kubeconfig {
  'current-context': string;
  contexts: { name: string; context: { cluster: string; user: string } }[];
  clusters: { name: string; cluster: Record<string, string> }[];
  users: { name: string; user: Record<string, string> }[];
}

function pem(entry: Record<string, string>, name: string): Buffer | undefined {
  const data = entry[`${name}-data`];
  if (data !== undefined) return Buffer.from(data, 'base64');
  const file = entry[name];
  return file === undefined ? undefined : readFileSync(file);
}

/** Sends to a URL with node's own client. */
export function sendTo(url: string, options: https.AgentOptions & { token?: string | undefined } = {}): Send {
  const isTls = url.startsWith('https:');
  const { token, ...tls } = options;
  const agent = isTls ? new https.Agent({ keepAlive: true, ...tls }) : new http.Agent({ keepAlive: true });
  return ({ method, path, headers, body, onPiece }) =>
    new Promise((resolve, reject) => {
      const client = isTls ? https : http;
      const all = {
        ...headers,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        // Node does not frame the body of a DELETE by itself: its bytes would be taken for the next request.
        ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
      };
      const request = client.request(`${url}${path}`, { method, headers: all, agent }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => {
          text += piece;
          if (onPiece?.(piece)) {
            done();
            response.destroy();
          }
        });
        const done = () => {
          const flat = Object.fromEntries(
            Object.entries(response.headers).map(([name, value]) => [
              name,
              Array.isArray(value) ? value.join(', ') : value,
            ]),
          );
          resolve({ status: response.statusCode ?? 0, headers: flat, text });
        };
        response.on('end', done);
        response.on('error', () => done());
      });
      request.on('error', (error) => reject(error));
      if (body !== undefined) request.write(body);
      request.end();
    });
}

/** Sends to the current context of a kubeconfig. */
export function sendToKubeconfig(file: string): Send {
  const config = yaml.load(readFileSync(file, 'utf8')) as Kubeconfig;
  const context = config.contexts.find(({ name }) => name === config['current-context'])?.context;
  const cluster = config.clusters.find(({ name }) => name === context?.cluster)?.cluster ?? {};
  const user = config.users.find(({ name }) => name === context?.user)?.user ?? {};
  return sendTo(cluster.server ?? '', {
    ca: pem(cluster, 'certificate-authority'),
    cert: pem(user, 'client-certificate'),
    key: pem(user, 'client-key'),
    token: user.token,
    // A server that a test started itself has a certificate that nobody has signed.
    rejectUnauthorized: String(cluster['insecure-skip-tls-verify'] ?? false) !== 'true',
  });
}
