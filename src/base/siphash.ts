import type { Random } from "./random.ts";

/** A secret of 128 bits: four int32, as the 16 octets of the key read in little-endian order. */
export type SipKey = Int32Array;

export const newSipKey = (random: Random): SipKey =>
  Int32Array.of(random.nextInt32(), random.nextInt32(), random.nextInt32(), random.nextInt32());

/**
 * SipHash-2-4 of `words[0, length)`: a keyed hash whose outputs tell nothing about the key or about other outputs, for
 * what a peer gets to see (initial sequence numbers, cookies, ports).
 *
 * Shape:  words are int32, octets in little-endian order; `out[0]` becomes the lower half of the 64-bit hash, `out[1]`
 *         the upper. 64-bit numbers are pairs of int32 in here, `l` the lower half and `h` the upper. Allocates nothing.
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012, §2; RFC 6528 §3 asks for such a function.
 */
export function sipHash24(key: SipKey, words: Int32Array, length: number, out: Int32Array): void {
  let l0 = key[0] ^ 0x70736575;
  let h0 = key[1] ^ 0x736f6d65;
  let l1 = key[2] ^ 0x6e646f6d;
  let h1 = key[3] ^ 0x646f7261;
  let l2 = key[0] ^ 0x6e657261;
  let h2 = key[1] ^ 0x6c796765;
  let l3 = key[2] ^ 0x79746573;
  let h3 = key[3] ^ 0x74656462;
  const lastBlock = length >> 1;
  // Two rounds for each block of the message, the last of which ends with the length in octets; then four more.
  for (let block = 0; block <= lastBlock + 1; block++) {
    const isEnd = block > lastBlock;
    let l = 0;
    let h = 0;
    if (isEnd) l2 ^= 0xff;
    else {
      l = block * 2 < length ? words[block * 2] : 0;
      h = block < lastBlock ? words[block * 2 + 1] : (length * 4) << 24;
    }
    l3 ^= l;
    h3 ^= h;
    for (let round = isEnd ? 4 : 2; round > 0; round--) {
      let sum = (l0 + l1) | 0;
      h0 = (h0 + h1 + (sum >>> 0 < l0 >>> 0 ? 1 : 0)) | 0;
      l0 = sum;
      sum = (l2 + l3) | 0;
      h2 = (h2 + h3 + (sum >>> 0 < l2 >>> 0 ? 1 : 0)) | 0;
      l2 = sum;
      let turned = ((l1 << 13) | (h1 >>> 19)) ^ l0;
      h1 = ((h1 << 13) | (l1 >>> 19)) ^ h0;
      l1 = turned;
      turned = ((l3 << 16) | (h3 >>> 16)) ^ l2;
      h3 = ((h3 << 16) | (l3 >>> 16)) ^ h2;
      l3 = turned;
      turned = h0; // Turned by 32 bits.
      h0 = l0;
      l0 = turned;
      sum = (l2 + l1) | 0;
      h2 = (h2 + h1 + (sum >>> 0 < l2 >>> 0 ? 1 : 0)) | 0;
      l2 = sum;
      sum = (l0 + l3) | 0;
      h0 = (h0 + h3 + (sum >>> 0 < l0 >>> 0 ? 1 : 0)) | 0;
      l0 = sum;
      turned = ((l1 << 17) | (h1 >>> 15)) ^ l2;
      h1 = ((h1 << 17) | (l1 >>> 15)) ^ h2;
      l1 = turned;
      turned = ((l3 << 21) | (h3 >>> 11)) ^ l0;
      h3 = ((h3 << 21) | (l3 >>> 11)) ^ h0;
      l3 = turned;
      turned = h2;
      h2 = l2;
      l2 = turned;
    }
    l0 ^= l;
    h0 ^= h;
  }
  out[0] = l0 ^ l1 ^ l2 ^ l3;
  out[1] = h0 ^ h1 ^ h2 ^ h3;
}
