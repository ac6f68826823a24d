import ipaddr from "ipaddr.js";

import { ANY_ADDRESS, toAddress, type Address } from "../base/address.ts";

/** Addresses as people type them. Everything else in this folder passes `Address` on, or text made by `formatAddress`. */

/** Why a text is no address that can be used. */
export type AddressFault = "EAFNOSUPPORT" | "ENOTFOUND";

/** 127.0.0.1, RFC 1122 §3.2.1.3 (g). */
export const LOOPBACK_ADDRESS: Address = toAddress(0x7f00_0001);

const fromOctets = (octets: readonly number[]): Address =>
  toAddress(octets.reduce((word, octet) => (word << 8) | octet, 0));

/**
 * The address that `text` means: dotted quad, "localhost", or "*" for any. IPv4 in its IPv6-mapped form (RFC 4291
 * §2.5.5.2) is unwrapped. Other IPv6 is `EAFNOSUPPORT`; anything else is a host name, which takes a lookup: `ENOTFOUND`.
 */
export function parseAddress(text: string): Address | AddressFault {
  if (text === "*") return ANY_ADDRESS;
  if (text === "localhost") return LOOPBACK_ADDRESS;
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return fromOctets(ipaddr.IPv4.parse(text).toByteArray());
  if (!ipaddr.IPv6.isValid(text)) return "ENOTFOUND";
  const address = ipaddr.IPv6.parse(text);
  return address.isIPv4MappedAddress() ? fromOctets(address.toIPv4Address().toByteArray()) : "EAFNOSUPPORT";
}

/** An address with the length of its network's prefix, in bits. */
export interface AddressPrefix {
  readonly address: Address;
  readonly prefixLength: number;
}

/** "198.18.0.2/24"; without a length the prefix is the address alone, 32 bits. Null where the text is neither. */
export function parsePrefix(text: string): AddressPrefix | null {
  const [addressText, lengthText = "32", ...rest] = text.split("/");
  if (rest.length > 0 || !ipaddr.IPv4.isValidFourPartDecimal(addressText) || !/^\d{1,2}$/.test(lengthText)) return null;
  const prefixLength = Number(lengthText);
  if (prefixLength > 32) return null;
  return { address: fromOctets(ipaddr.IPv4.parse(addressText).toByteArray()), prefixLength };
}
