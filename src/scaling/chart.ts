/** A simulation as a chart: text for a terminal, or an SVG. Pure. */
import type { ScalingPoint, ScalingSimulation } from './simulate.js';

/** The value at a moment. */
function at(points: readonly ScalingPoint[], atS: number): ScalingPoint {
  let found = points[0] as ScalingPoint;
  for (const point of points) {
    if (point.atS > atS) break;
    found = point;
  }
  return found;
}

const BARS = ' ▁▂▃▄▅▆▇█';
const lastS = ({ points }: ScalingSimulation) => Math.max(1, points.at(-1)?.atS ?? 1);

/** Highest value of each of so many columns. */
function columns(simulation: ScalingSimulation, width: number, value: (point: ScalingPoint) => number): number[] {
  const step = lastS(simulation) / width;
  const highest = Array.from({ length: width }, (_, index) => value(at(simulation.points, index * step)));
  for (const point of simulation.points) {
    const index = Math.min(width - 1, Math.floor(point.atS / step));
    highest[index] = Math.max(highest[index] ?? 0, value(point));
  }
  return highest;
}

function row(label: string, values: readonly number[]): string {
  const most = Math.max(1, ...values);
  const bar = values.map((value) => BARS[value === 0 ? 0 : Math.max(1, Math.round((value / most) * 8))]).join('');
  return `${label.padEnd(9)}${String(Math.max(...values)).padStart(5)} ${bar}`.trimEnd();
}

const clock = (seconds: number) =>
  `${Math.floor(seconds / 3_600)}:${String(Math.floor((seconds % 3_600) / 60)).padStart(2, '0')}:${String(Math.round(seconds % 60)).padStart(2, '0')}`;

/** Three rows of bars: tasks that wait, tasks that run, workers; each with its highest value before it. */
export function renderScalingChart(simulation: ScalingSimulation, width = 64): string {
  const chart = [
    row(
      'waiting',
      columns(simulation, width, ({ queued }) => queued),
    ),
    row(
      'running',
      columns(simulation, width, ({ running }) => running),
    ),
    row(
      'workers',
      columns(simulation, width, ({ replicas, ready }) => Math.max(replicas, ready)),
    ),
  ];
  const end = clock(lastS(simulation));
  return `${chart.join('\n')}\n${' '.repeat(15)}0${end.padStart(width - 1)}\n`;
}

const [WIDTH, HEIGHT, LEFT, TOP] = [900, 260, 50, 30];

/** The same as an SVG with one scale for all three. */
export function renderScalingSvg(simulation: ScalingSimulation): string {
  const { points, wait, peakReplicas, replicaHours } = simulation;
  const end = lastS(simulation);
  const most = Math.max(
    1,
    ...points.flatMap(({ queued, running, replicas, ready }) => [queued, running, replicas, ready]),
  );
  const x = (seconds: number) => (LEFT + (seconds / end) * WIDTH).toFixed(1);
  const y = (value: number) => (TOP + HEIGHT - (value / most) * HEIGHT).toFixed(1);
  const line = (color: string, value: (point: ScalingPoint) => number) => {
    // Values hold until the next one: steps, not slopes.
    const steps = points.flatMap((point, index) => {
      const next = points[index + 1]?.atS ?? end;
      return [`${x(point.atS)},${y(value(point))}`, `${x(next)},${y(value(point))}`];
    });
    return `<polyline fill="none" stroke="${color}" stroke-width="1.5" points="${steps.join(' ')}"/>`;
  };
  const label = (text: string, color: string, place: number) =>
    `<text x="${LEFT + place}" y="18" fill="${color}">${text}</text>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH + LEFT + 20} ${HEIGHT + TOP + 40}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    label('waiting', '#c0392b', 0) + label('running', '#2471a3', 70) + label('workers', '#1e8449', 140),
    `<text x="${LEFT + 230}" y="18" fill="#444">at most ${peakReplicas} workers, ${replicaHours.toFixed(2)} worker hours, waits of ${wait.averageS.toFixed(0)} s on average and ${wait.maxS} s at most</text>`,
    `<path d="M${LEFT} ${TOP}V${TOP + HEIGHT}H${LEFT + WIDTH}" fill="none" stroke="#999"/>`,
    `<text x="${LEFT - 6}" y="${TOP + 8}" text-anchor="end" fill="#444">${most}</text><text x="${LEFT - 6}" y="${TOP + HEIGHT}" text-anchor="end" fill="#444">0</text>`,
    `<text x="${LEFT}" y="${TOP + HEIGHT + 18}" fill="#444">0:00:00</text><text x="${LEFT + WIDTH}" y="${TOP + HEIGHT + 18}" text-anchor="end" fill="#444">${clock(end)}</text>`,
    line('#c0392b', ({ queued }) => queued),
    line('#2471a3', ({ running }) => running),
    line('#1e8449', ({ replicas }) => replicas),
    '</svg>\n',
  ].join('\n');
}
