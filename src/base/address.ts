/**
 * An address as everything above `ipv4/` sees it: an opaque int32 that can be compared, hashed and stored.
 * For IPv4 it is the address itself; an IPv6 address would be interned to one. Nothing but `ipv4/`, `wire/` and the
 * text forms at the edges takes it apart.
 */
export type Address = number & { readonly __brand: "Address" };

export const toAddress = (value: number): Address => (value | 0) as Address;
/** The wildcard: any local address. RFC 1122 §4.2.3.7. */
export const ANY_ADDRESS = 0 as Address;

/** Dotted-quad text of an IPv4 address, for people. */
export const formatAddress = (address: Address): string =>
  `${String(address >>> 24)}.${String((address >>> 16) & 255)}.${String((address >>> 8) & 255)}.${String(address & 255)}`;
