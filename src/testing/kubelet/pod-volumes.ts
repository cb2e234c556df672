/** The volumes of a pod whose containers are local processes: folders in a scratch folder of the pod. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import type { Container, Pod, Volume } from '../../wire/types.js';
import { expanded, type ReadObject } from './environment.js';
import { ContainerConfigError } from './runtime.js';
import { type FileSource, filesOf, VolumeError, type VolumeFiles } from './volume-contents.js';

/** A path below a folder; `undefined` for one that leads out of it. */
function inside(folder: string, path: string): string | undefined {
  const whole = join(folder, path);
  return whole === folder || whole.startsWith(folder + sep) ? whole : undefined;
}

const variableOf = (volume: string) => `PODWRIGHT_MOUNT_${volume.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;

/** Volumes of one pod, from its start to its end. */
export class PodVolumes {
  readonly #folders = new Map<string, string>();
  #scratch: string | undefined;
  #isGone = false;

  /**
   * Makes all volumes of the pod: files of config maps, secrets and fields as they are now, the folder itself for a `hostPath`, and an empty
   * folder for every other kind. @throws VolumeError with the kubelet's message while something is missing; nothing is made then.
   */
  async make(pod: Pod, read: ReadObject): Promise<void> {
    const made: [Volume, VolumeFiles | undefined][] = [];
    for (const volume of pod.spec?.volumes ?? []) {
      try {
        made.push([volume, await filesOf(pod, volume as FileSource, read)]);
      } catch (error) {
        if (!(error instanceof VolumeError)) throw error;
        throw new VolumeError(`MountVolume.SetUp failed for volume ${JSON.stringify(volume.name)} : ${error.message}`);
      }
    }
    if (this.#isGone) return;
    // Nobody else may look into it: there are secrets in it.
    this.#scratch = mkdtempSync(join(tmpdir(), 'podwright-volumes-'));
    for (const [{ name, hostPath }, files] of made) {
      const folder = (hostPath as { path?: string } | undefined)?.path ?? join(this.#scratch, name);
      this.#folders.set(name, folder);
      if (hostPath === undefined) mkdirSync(folder);
      for (const [path, { data, mode }] of files ?? []) {
        const file = inside(folder, path);
        if (file === undefined) throw new VolumeError(`the path ${JSON.stringify(path)} leads out of volume ${name}`);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, data, { mode });
      }
    }
  }

  /**
   * Mounts what a container asks for, as far as that can be done: it gets variables that say where its mounts are. `PODWRIGHT_MOUNTS` has the
   * folder of each mount path, as JSON, and `PODWRIGHT_MOUNT_<VOLUME>` that of a volume's first mount. `env` is for `subPathExpr`.
   * @throws ContainerConfigError for a part that is not within its volume, or cannot be made
   */
  mount({ volumeMounts = [] }: Container, env: Readonly<Record<string, string>>): Record<string, string> {
    const mounts: Record<string, string> = {};
    const variables: Record<string, string> = {};
    for (const { name, mountPath, subPath, subPathExpr } of volumeMounts) {
      const folder = this.#folders.get(name);
      if (folder === undefined) continue;
      const part = typeof subPathExpr === 'string' ? expanded(subPathExpr, env) : (subPath ?? '');
      const path = inside(folder, part);
      if (path === undefined)
        throw new ContainerConfigError(`failed to prepare subPath for volumeMount ${JSON.stringify(name)}`);
      try {
        if (!existsSync(path)) mkdirSync(path, { recursive: true });
      } catch (error) {
        throw new ContainerConfigError(`failed to mkdir ${JSON.stringify(path)}: ${(error as Error).message}`);
      }
      mounts[mountPath] = path;
      variables[variableOf(name)] ??= path;
    }
    return volumeMounts.length === 0 ? {} : { ...variables, PODWRIGHT_MOUNTS: JSON.stringify(mounts) };
  }

  /** Removes everything; what a `hostPath` names stays. */
  remove(): void {
    this.#isGone = true;
    if (this.#scratch !== undefined) rmSync(this.#scratch, { recursive: true, force: true });
  }
}
