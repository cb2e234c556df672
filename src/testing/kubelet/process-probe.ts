/** Probes of containers that run as local processes: commands on this machine, and requests over its loopback interface. */
import { spawn } from 'node:child_process';
import http from 'node:http';
import https from 'node:https';
import { connect } from 'node:net';
import type { Container } from '../../wire/types.js';
import { ALWAYS_GOOD, type HttpGetAction, type ProbeResult, type ProbeSpec } from './probes.js';

/** The command's surroundings: those of its container. */
export interface ProbeSurroundings {
  readonly container: Container;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string | undefined;
}

/** A kubelet keeps so much of a command's output. */
const MAX_OUTPUT_BYTES = 10 * 1024;
const LOOPBACK = '127.0.0.1';
const OWN_NAMES = new Set([undefined, '', LOOPBACK, 'localhost']);

/** A port may be given by its name in the container. */
function portOf(port: number | string, container: Container): number | undefined {
  if (typeof port === 'number') return port;
  const named = (container.ports as { name?: string; containerPort?: number }[] | undefined)?.find(
    ({ name }) => name === port,
  );
  return named?.containerPort ?? (/^\d+$/.test(port) ? Number(port) : undefined);
}

const bad = (output: string): ProbeResult => ({ isGood: false, output });

/** Why Node does not even try; its own message may quote a header or an argument. */
const reasonOf = (error: NodeJS.ErrnoException) => `invalid argument (${error.code ?? error.name})`;

function runCommand(
  command: readonly string[],
  { env, cwd }: ProbeSurroundings,
  timeoutSeconds: number,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    // A group of its own, so that nothing which the command has started outlives it.
    const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const killAll = () => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended already.
      }
    };
    const finish = (result: ProbeResult) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      killAll();
      resolve(result);
    };
    const timer = setTimeout(
      () => finish(bad(`command timed out: ${JSON.stringify(command.join(' '))} timed out after ${timeoutSeconds}s`)),
      timeoutSeconds * 1000,
    );
    const abort = () => finish({ isGood: false, error: 'the container has ended' });
    signal.addEventListener('abort', abort, { once: true });
    let output = '';
    const keep = (piece: Buffer) => {
      output = (output + piece.toString('utf8')).slice(0, MAX_OUTPUT_BYTES);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'ENOENT' ? 'executable file not found in $PATH' : error.message;
      finish({
        isGood: false,
        error: `rpc error: code = Unknown desc = failed to exec in container: exec: ${JSON.stringify(program)}: ${why}`,
      });
    });
    child.once('close', (code) => finish(code === 0 ? { isGood: true } : bad(output)));
  });
}

const dialError = (port: number, error: NodeJS.ErrnoException) =>
  `dial tcp ${LOOPBACK}:${port}: connect: ${error.code === 'ECONNREFUSED' ? 'connection refused' : error.message}`;

function getOverHttp(
  action: HttpGetAction,
  port: number,
  timeoutSeconds: number,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const isTls = action.scheme === 'HTTPS';
  const path = action.path?.startsWith('/') ? action.path : `/${action.path ?? ''}`;
  const given = Object.fromEntries((action.httpHeaders ?? []).map(({ name, value }) => [name.toLowerCase(), value]));
  const url = `${isTls ? 'https' : 'http'}://${LOOPBACK}:${port}${path}`;
  const options = {
    headers: { 'user-agent': 'kube-probe/1.36', accept: '*/*', ...given },
    agent: false,
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1000)]),
    // A kubelet does not check certificates of those it probes.
    rejectUnauthorized: false,
  };
  return new Promise((resolve) => {
    const request = (isTls ? https : http).get(url, options, (response) => {
      const { statusCode = 0 } = response;
      response.destroy();
      const isGood = statusCode >= 200 && statusCode < 400;
      resolve(isGood ? { isGood } : bad(`HTTP probe failed with statuscode: ${statusCode}`));
    });
    request.once('error', (error) => {
      const isLate = options.signal.aborted;
      const why = isLate
        ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        : dialError(port, error);
      resolve(bad(`Get "${url}": ${why}`));
    });
  });
}

function dial(port: number, timeoutSeconds: number, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ host: LOOPBACK, port, timeout: timeoutSeconds * 1000, signal });
    const finish = (result: ProbeResult) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => finish({ isGood: true }));
    socket.once('timeout', () => finish(bad(`dial tcp ${LOOPBACK}:${port}: i/o timeout`)));
    socket.once('error', (error) => finish(bad(dialError(port, error))));
  });
}

/**
 * Probes a container that is a process of this machine. Its pod's address is the loopback interface; what lies elsewhere, and what a
 * process cannot be asked (gRPC), counts as good.
 */
export async function probeProcess(
  spec: ProbeSpec,
  surroundings: ProbeSurroundings,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const timeoutSeconds = spec.timeoutSeconds ?? 1;
  if (spec.exec !== undefined)
    return runCommand(spec.exec.command ?? [], surroundings, timeoutSeconds, signal).catch((error: Error) => ({
      isGood: false,
      error: `rpc error: code = Unknown desc = failed to exec in container: ${reasonOf(error)}`,
    }));
  const action = spec.httpGet ?? spec.tcpSocket;
  if (action === undefined || !OWN_NAMES.has(action.host)) return ALWAYS_GOOD;
  const port = portOf(action.port, surroundings.container);
  if (port === undefined)
    return { isGood: false, error: `strconv.Atoi: parsing ${JSON.stringify(action.port)}: invalid syntax` };
  if (spec.httpGet !== undefined)
    return getOverHttp(spec.httpGet, port, timeoutSeconds, signal).catch((error: Error) => bad(reasonOf(error)));
  return dial(port, timeoutSeconds, signal);
}
