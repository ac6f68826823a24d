/** Everything that a client can make grow, with the status that it gets beyond. Sizes in octets. */
export interface HttpLimits {
  /** Request line and header section together: 431. Trailers have a bound of the same size of their own. */
  readonly headOctets: number;
  /** The request-target: 414. */
  readonly targetOctets: number;
  /** Field lines of a section, up to `FIELDS_MAX`: 431. */
  readonly fields: number;
  /** Content of one request, read or not: 413. */
  readonly bodyOctets: number;
  /** What `body.bytes()` and `body.text()` collect unless told otherwise: 413. */
  readonly collectedOctets: number;
  /** Chunk extensions of one message, all together: 400. */
  readonly chunkExtensionOctets: number;
  /** Content that nobody reads and that is thrown away to keep a connection; beyond, the connection ends. */
  readonly drainedOctets: number;
  /** What is still read and thrown away after our last response, so that a reset does not overtake it. */
  readonly lingerOctets: number;
  /** Requests on one connection; the last response says `connection: close`. */
  readonly requestsPerConnection: number;
}

/** Places for them are made for every request head that is read. */
const FIELDS_MAX = 65_535;

export const DEFAULT_LIMITS: HttpLimits = {
  headOctets: 16_384,
  targetOctets: 8_192,
  fields: 100,
  bodyOctets: 2 ** 30,
  collectedOctets: 2 ** 20,
  chunkExtensionOctets: 4_096,
  drainedOctets: 2 ** 18,
  lingerOctets: 2 ** 20,
  requestsPerConnection: Number.MAX_SAFE_INTEGER,
};

/** How long a client may take, in milliseconds; 0, as in Node, or `Infinity` for as long as it likes. */
export interface HttpTimeouts {
  /** From the first octet of a request to the end of its head: 408. */
  readonly headersTimeoutMs: number;
  /** From the end of a head to the end of the request's content: 408. */
  readonly requestTimeoutMs: number;
  /** Between requests, and before the first one. */
  readonly keepAliveTimeoutMs: number;
  /** Without taking any more of a response; then the connection is reset. */
  readonly writeTimeoutMs: number;
  /** For its FIN after ours; then the connection is reset. */
  readonly lingerTimeoutMs: number;
}

export const DEFAULT_TIMEOUTS: HttpTimeouts = {
  headersTimeoutMs: 60_000,
  requestTimeoutMs: 300_000,
  keepAliveTimeoutMs: 75_000,
  writeTimeoutMs: 120_000,
  lingerTimeoutMs: 5_000,
};

/**
 * `given` over `defaults`; what is undefined keeps its default.
 * Errors: `RangeError` where it is no object, or a value no number from 0 on; `option` is what its message calls them.
 */
export function withDefaults<T extends Readonly<Record<keyof T, number>>>(
  option: string,
  defaults: T,
  given: Partial<T> = {},
): T {
  const whatever: unknown = given; // JavaScript's callers may give anything.
  if (typeof whatever !== "object" || whatever === null) {
    throw new RangeError(`options.${option}: ${String(whatever)} is not usable; give an object`);
  }
  const wanted = Object.entries<number | undefined>(given).filter(([, value]) => value !== undefined);
  for (const [name, value] of wanted) {
    if (!Object.hasOwn(defaults, name)) {
      throw new RangeError(`options.${option}.${name}: there is none; there are ${Object.keys(defaults).join(", ")}`);
    }
    if (typeof value !== "number" || !(value >= 0)) {
      throw new RangeError(`options.${option}.${name}: ${String(value)} is not usable; give a number from 0 on`);
    }
  }
  return { ...defaults, ...Object.fromEntries(wanted) };
}

/** All timeouts, `Infinity` for those that never end. Errors: as `withDefaults`. */
export function timeoutsFor(given: Partial<HttpTimeouts> | undefined): HttpTimeouts {
  const wanted = withDefaults("timeouts", DEFAULT_TIMEOUTS, given);
  const never = Object.entries<number>({ ...wanted }).filter(([, ms]) => ms === 0);
  return { ...wanted, ...Object.fromEntries(never.map(([name]) => [name, Infinity])) };
}

/** All limits. Errors: as `withDefaults`; more than `FIELDS_MAX` fields. */
export function limitsFor(given: Partial<HttpLimits> | undefined): HttpLimits {
  const wanted = withDefaults("limits", DEFAULT_LIMITS, given);
  if (wanted.fields <= FIELDS_MAX) return wanted;
  throw new RangeError(
    `options.limits.fields: ${String(wanted.fields)} is not usable; give ${String(FIELDS_MAX)} at most`,
  );
}
