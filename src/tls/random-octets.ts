/** Where secrets, nonces and paddings come from: given to the core, so that a handshake can be replayed octet for octet. */
export interface RandomOctets {
  /** Overwrites all of `octets`. */
  fill(octets: Uint8Array): void;
}

/** `length` fresh octets. */
export function drawOctets(random: RandomOctets, length: number): Buffer {
  const octets = Buffer.alloc(length);
  random.fill(octets);
  return octets;
}

/** `length` fresh octets none of which is 0, as PKCS#1 v1.5 padding must be (RFC 8017 §7.2.1). */
export function drawNonZeroOctets(random: RandomOctets, length: number): Buffer {
  const octets = drawOctets(random, length);
  for (let at = 0; at < length; at++) {
    while (octets[at] === 0) random.fill(octets.subarray(at, at + 1));
  }
  return octets;
}
