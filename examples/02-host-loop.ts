/**
 * A host with a scheduling loop of its own, as Airflow's: it hands over as much as there are free slots, gives the executor a
 * heartbeat, and reads the event buffer. Run it: npx tsx examples/02-host-loop.ts
 */
import { LocalExecutor, type Workload } from 'podwright';

const waiting: Workload[] = Array.from({ length: 6 }, (_, index) => ({
  key: { dagId: 'squares', taskId: 'square', runId: 'r1', mapIndex: index },
  command: [process.execPath, '-e', `console.log(${index} ** 2)`],
}));
const total = waiting.length;

const executor = new LocalExecutor({ parallelism: 2 });
await executor.start();

let ended = 0;
while (ended < total) {
  for (const workload of waiting.splice(0, executor.slotsAvailable)) executor.queueTask(workload);
  await executor.heartbeat();
  await executor.changed({ timeout: '1s' });
  for (const [key, event] of executor.getEventBuffer()) {
    if (event.outcome === undefined) continue;
    ended += 1;
    const log = await executor.getTaskLog(key);
    console.log(`square[${key.mapIndex}] ${event.state}: ${log.lines.map((line) => line.text).join(' ')}`);
  }
}

await executor.end();
console.log(`${ended} of ${total} ended`);
