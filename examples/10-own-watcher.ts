/** A store of one's own for how far a watch has come, and a watcher of one's own around ours: here it counts what it passes on. */
import { ListWatcher, type ResourceVersionStore, type WatchEvent, type Watcher, type WatchStatus } from 'podwright';
import { FakeCluster } from 'podwright/testing';

/** Any place will do that keeps a text under a name; a host's database for one. */
class StoreOfTheHost implements ResourceVersionStore {
  readonly versions = new Map<string, string>();

  get(scope: string): string | undefined {
    return this.versions.get(scope);
  }

  set(scope: string, resourceVersion: string | undefined): void {
    if (resourceVersion === undefined) this.versions.delete(scope);
    else this.versions.set(scope, resourceVersion);
  }
}

class CountingWatcher implements Watcher {
  count = 0;

  constructor(readonly inner: Watcher) {}

  async *watch(signal: AbortSignal): AsyncGenerator<WatchEvent> {
    for await (const event of this.inner.watch(signal)) {
      this.count += 1;
      yield event;
    }
  }

  status(): WatchStatus {
    return this.inner.status();
  }
}

const cluster = await FakeCluster.start({ kubelet: 'none', listen: false });
const client = cluster.kubeClient();
await client.createPod('default', {
  metadata: { name: 'a' },
  spec: { containers: [{ name: 'base', image: 'any' }], restartPolicy: 'Never' },
});

const store = new StoreOfTheHost();
const watcher = new CountingWatcher(new ListWatcher({ client, namespace: 'default', store }));
const stop = new AbortController();
for await (const event of watcher.watch(stop.signal)) {
  if (event.type === 'init-apply') console.log(`there is ${event.pod.metadata?.name}`);
  if (event.type === 'init-done') await client.deletePod('default', 'a', { gracePeriodSeconds: 0 });
  if (event.type === 'delete') stop.abort();
}
await cluster.stop();
console.log(`${watcher.count} events, ${store.versions.size} version kept`);
