/** Kubernetes quantities (`500m`, `1Gi`, `1e9`): exact parsing, comparison and the canonical form the API server stores. */

/** A parsed quantity. */
export interface Quantity {
  /** The exact value in billionths. */
  readonly nano: bigint;
  /** The family of suffixes it was written in. */
  readonly format: 'decimal' | 'binary' | 'exponent';
}

const NANO = 1_000_000_000n;
const BINARY: Readonly<Record<string, bigint>> = {
  Ki: 2n ** 10n,
  Mi: 2n ** 20n,
  Gi: 2n ** 30n,
  Ti: 2n ** 40n,
  Pi: 2n ** 50n,
  Ei: 2n ** 60n,
};
const DECIMAL: Readonly<Record<string, bigint>> = {
  n: 1n,
  u: 1_000n,
  m: 1_000_000n,
  '': NANO,
  k: NANO * 10n ** 3n,
  M: NANO * 10n ** 6n,
  G: NANO * 10n ** 9n,
  T: NANO * 10n ** 12n,
  P: NANO * 10n ** 15n,
  E: NANO * 10n ** 18n,
};

const SHAPE = /^([+-]?)(\d+\.?\d*|\.\d+)(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?\d{1,3}))?$/;

/** Reads a quantity (text, or a JSON number), or `undefined` where it is none. Fractions below a billionth round up. */
export function parseQuantity(value: unknown): Quantity | undefined {
  const match = SHAPE.exec(typeof value === 'number' ? String(value) : typeof value === 'string' ? value : '');
  if (match === null) return undefined;
  const [whole = '', fraction = ''] = (match[2] ?? '').split('.');
  const suffix = match[3] ?? '';
  let factor: bigint;
  let divisor = 10n ** BigInt(fraction.length);
  let format: Quantity['format'] = 'decimal';
  if (match[4] !== undefined) {
    format = 'exponent';
    const exponent = Number(match[4]);
    factor = NANO * (exponent > 0 ? 10n ** BigInt(exponent) : 1n);
    if (exponent < 0) divisor *= 10n ** BigInt(-exponent);
  } else if (suffix.endsWith('i')) {
    format = 'binary';
    factor = NANO * (BINARY[suffix] ?? 1n);
  } else {
    factor = DECIMAL[suffix] ?? NANO;
  }
  const scaled = BigInt(`${whole}${fraction}` || '0') * factor;
  const nano = scaled / divisor + (scaled % divisor === 0n ? 0n : 1n);
  return { nano: match[1] === '-' ? -nano : nano, format };
}

/** The canonical text: no fraction, and the largest suffix of its family that allows it. */
export function formatQuantity(quantity: Quantity): string {
  const { nano } = quantity;
  if (nano === 0n) return '0';
  const size = nano < 0n ? -nano : nano;
  if (quantity.format === 'binary' && nano % NANO === 0n && size >= 1024n * NANO) {
    const value = nano / NANO;
    const suffix = Object.keys(BINARY).findLast((name) => value % (BINARY[name] ?? 1n) === 0n);
    return suffix === undefined ? String(value) : `${value / (BINARY[suffix] ?? 1n)}${suffix}`;
  }
  const suffix = Object.keys(DECIMAL).findLast((name) => nano % (DECIMAL[name] ?? 1n) === 0n) ?? 'n';
  const mantissa = nano / (DECIMAL[suffix] ?? 1n);
  if (quantity.format !== 'exponent') return `${mantissa}${suffix}`;
  const exponent = (Object.keys(DECIMAL).indexOf(suffix) - 3) * 3;
  return exponent === 0 ? String(mantissa) : `${mantissa}e${exponent}`;
}

/** The canonical text of a quantity, or `undefined` where it is none. */
export function canonicalQuantity(value: unknown): string | undefined {
  const quantity = parseQuantity(value);
  return quantity === undefined ? undefined : formatQuantity(quantity);
}

/** The value as a floating-point number, or `undefined` where it is no quantity: bytes for `1Gi`, 0.5 for `500m`. */
export function quantityValue(value: unknown): number | undefined {
  const quantity = parseQuantity(value);
  return quantity === undefined ? undefined : Number(quantity.nano) / Number(NANO);
}
