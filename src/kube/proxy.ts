/** Which proxy stands before a server, and how to get through it. */
import http from 'node:http';
import https from 'node:https';
import { BlockList, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { KubeConfigError } from '../errors.js';
import { markSent } from './transport.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether an address lies in a range such as `10.0.0.0/8`; clusters are often reached by address, and their ranges excluded as one. */
function isInRange(host: string, range: string): boolean {
  const [net = '', bits = ''] = range.split('/');
  const [family, hostFamily] = [isIP(net), isIP(host)];
  const length = Number(bits);
  if (family === 0 || family !== hostFamily || bits === '' || !Number.isInteger(length)) return false;
  if (length < 0 || length > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  const type = family === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(net, length, type);
  return list.check(host, type);
}

function isExcluded(host: string, port: string, list: string): boolean {
  return list
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      if (entry.includes('/')) return isInRange(host.replace(/^\[|\]$/g, ''), entry);
      const [name = '', onlyPort] = entry.startsWith('[') ? [entry] : entry.split(':');
      if (onlyPort !== undefined && onlyPort !== port) return false;
      const bare = name.replace(/^\*?\./, '');
      return host === bare || host.endsWith(`.${bare}`);
    });
}

/**
 * The proxy for a server: the kubeconfig's own, else `HTTPS_PROXY` or `HTTP_PROXY` unless `NO_PROXY` names the server: by name,
 * domain, address, `name:port`, or range of addresses such as `10.0.0.0/8`. `undefined` for a direct connection.
 * @throws KubeConfigError where its URL cannot be used.
 */
export function proxyFor(server: string, proxyUrl: string | undefined, env: Environment): URL | undefined {
  const { protocol, hostname, port } = new URL(server);
  const read = (name: string) => env[name] || env[name.toLowerCase()] || undefined;
  const isLocal = hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]';
  const fromEnvironment = () => {
    if (
      isLocal ||
      isExcluded(hostname.toLowerCase(), port || (protocol === 'https:' ? '443' : '80'), read('NO_PROXY') ?? '')
    )
      return undefined;
    return protocol === 'https:' ? read('HTTPS_PROXY') : read('HTTP_PROXY');
  };
  const found = proxyUrl ?? fromEnvironment();
  if (found === undefined) return undefined;
  const url = URL.canParse(found) ? new URL(found) : undefined;
  // The URL may hold a password and stays out of the message.
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new KubeConfigError('The proxy for the API server has no http or https URL', {
      hint: 'SOCKS proxies are not supported.',
    });
  return url;
}

/** Opens a tunnel through a proxy. @throws Error where the proxy refuses; the server has then seen nothing. */
export function openTunnel(proxy: URL, host: string, port: number): Promise<Duplex> {
  const isTls = proxy.protocol === 'https:';
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const secret = Buffer.from(`${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`).toString(
    'base64',
  );
  return new Promise((resolve, reject) => {
    const request = (isTls ? https : http).request({
      method: 'CONNECT',
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port === '' ? (isTls ? 443 : 80) : Number(proxy.port),
      path: target,
      headers: { host: target, ...(proxy.username === '' ? {} : { 'proxy-authorization': `Basic ${secret}` }) },
      agent: false,
    });
    request.once('connect', ({ statusCode }, socket) => {
      if (statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(markSent(new Error(`the proxy ${proxy.host} refused with ${statusCode}`), false));
    });
    request.once('error', (error) => reject(markSent(error, false)));
    request.end();
  });
}
