/** The way to the server, which is cut and stopped now and then. */
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import yaml from 'js-yaml';

interface KubeconfigText {
  clusters: { cluster: { server: string } }[];
}

/** A loopback line to the server of a kubeconfig. */
export class Line {
  /** How often it was cut or stopped. */
  cuts = 0;
  readonly #pairs = new Set<readonly [net.Socket, net.Socket]>();
  readonly #listener: net.Server;

  private constructor(listener: net.Server) {
    this.#listener = listener;
  }

  /** Opens a line; what connects by the kubeconfig at `to` goes through it. The file at `from` has one cluster. */
  static async open(from: string, to: string): Promise<Line> {
    const config = yaml.load(readFileSync(from, 'utf8')) as KubeconfigText;
    const [first] = config.clusters;
    if (first === undefined) throw new Error(`${from} names no cluster`);
    const url = new URL(first.cluster.server);
    const target = { host: url.hostname, port: Number(url.port) };
    const listener = net.createServer((near) => line.#join(near, net.connect(target)));
    const line = new Line(listener);
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    url.hostname = '127.0.0.1';
    url.port = String((listener.address() as net.AddressInfo).port);
    first.cluster.server = url.href.replace(/\/$/, '');
    writeFileSync(to, yaml.dump(config), { mode: 0o600 });
    return line;
  }

  /** Resets all connections. */
  cut(): void {
    this.cuts += 1;
    for (const [near, far] of this.#pairs) {
      near.resetAndDestroy();
      far.destroy();
    }
  }

  /** Lets nothing through for a while, without a word; then goes on where it was. */
  async stop(ms: number): Promise<void> {
    this.cuts += 1;
    const pairs = [...this.#pairs];
    for (const sockets of pairs) for (const socket of sockets) socket.pause();
    await new Promise((resolve) => setTimeout(resolve, ms));
    for (const sockets of pairs) for (const socket of sockets) socket.resume();
  }

  /** Ends it. */
  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#listener.close(resolve));
  }

  #join(near: net.Socket, far: net.Socket): void {
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    near.pipe(far).pipe(near);
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.once('close', () => {
        this.#pairs.delete(pair);
        near.destroy();
        far.destroy();
      });
    }
  }
}
