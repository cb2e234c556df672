/** The watches that are open, and what faults do to them. */

import type { Random } from '../../core/random.js';
import { WatchFaults } from '../faults/watch-faults.js';
import { ConnectionDropped } from './connection-dropped.js';
import type { ResourceRequest } from './request.js';
import type { ByteStream } from './stream.js';
import type { WatchControl } from './watch.js';

/** All open watches of a server. */
export class OpenWatches {
  readonly faults: WatchFaults;
  readonly #streams = new Set<ByteStream>();
  #isSilent = false;

  constructor(random: Random) {
    this.faults = new WatchFaults(random);
  }

  /** How many watches are open. */
  get size(): number {
    return this.#streams.size;
  }

  /** What faults do to the watch of a request; it is counted as soon as it registers. */
  controlOf({ def, namespace }: ResourceRequest): WatchControl {
    const { resource } = def;
    return {
      isSilent: () => this.#isSilent || this.faults.isSilent({ resource, namespace }),
      isGone: () => this.faults.isGone({ resource, namespace }),
      copiesOf: (object) =>
        this.faults.copiesOf({
          resource,
          namespace: object.metadata?.namespace ?? '',
          name: object.metadata?.name ?? '',
        }),
      register: (stream) => {
        this.#streams.add(stream);
        stream.onClose(() => this.#streams.delete(stream));
      },
    };
  }

  /** Breaks off every open watch, as a restarting server does; `clean` ends them properly instead. */
  drop(clean: boolean): void {
    for (const stream of [...this.#streams]) {
      if (clean) stream.end();
      else stream.fail(new ConnectionDropped());
    }
  }

  /** Holds back all events of all watches, open and new, or lets them flow again; what was held back is lost to open watches. */
  silence(isSilent: boolean): void {
    this.#isSilent = isSilent;
  }
}
