/**
 * The Internet checksum, RFC 1071. A sum here is folded to 16 bits and not yet complemented; the field in a header
 * holds its complement. Data verifies when its sum, field included, is 0xffff.
 */

/** Adds two folded sums, end-around carry included. */
export const addSums = (a: number, b: number): number => {
  const sum = a + b;
  return (sum & 0xffff) + (sum >>> 16);
};

/** The two octets of a folded sum swapped: what a range contributes that starts at an odd octet. RFC 1071 §2(B). */
export const swapSum = (sum: number): number => ((sum & 0xff) << 8) | (sum >>> 8);

/**
 * The folded sum of `bytes[at, end)` as big-endian 16-bit words (a last odd octet is the high half of one), plus `seed`.
 * @hot
 */
export function sumOctets(bytes: Uint8Array, at: number, end: number, seed: number): number {
  let sum = seed;
  // Octets that stand at the same parity are added apart: 2^31 holds 2^15 rounds of four pairs with room to spare.
  let i = at;
  const lastBlock = end - 7;
  while (i < lastBlock) {
    const stop = Math.min(lastBlock, i + (1 << 15));
    let high = 0;
    let low = 0;
    for (; i < stop; i += 8) {
      high += bytes[i] + bytes[i + 2] + bytes[i + 4] + bytes[i + 6];
      low += bytes[i + 1] + bytes[i + 3] + bytes[i + 5] + bytes[i + 7];
    }
    sum += (high % 0xffff) * 0x100 + low;
    sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  }
  for (; i + 1 < end; i += 2) sum += (bytes[i] << 8) | bytes[i + 1];
  if (i < end) sum += bytes[i] << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}
