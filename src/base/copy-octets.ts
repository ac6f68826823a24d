/** Up to here a loop is faster than a view: on Node 20 a view costs some 60 ns, an octet 0.7 ns. */
const LOOP_MAX = 64;

/** Copies `from[at, at + length)` to `into[to, …)`. @hot */
export function copyOctets(from: Uint8Array, at: number, length: number, into: Uint8Array, to: number): void {
  if (length <= LOOP_MAX) for (let i = 0; i < length; i++) into[to + i] = from[at + i];
  else into.set(new Uint8Array(from.buffer, from.byteOffset + at, length), to);
}
