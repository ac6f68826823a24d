import type { LookupFunction } from "node:net";

import { ANY_ADDRESS, type Address } from "../base/address.ts";
import { LOOPBACK_ADDRESS, parseAddress } from "./address-text.ts";
import { NetError } from "./net-error.ts";

/** What a host came to: an address, or why there is none; and the name that was looked up, if one was. */
export type HostAnswer =
  | { readonly address: Address; readonly lookedUp: string | null }
  | { readonly error: Error; readonly lookedUp: string | null };

/**
 * Finds the address to connect to. Calls `done` once, possibly before it returns.
 *
 * Errors: `EAFNOSUPPORT` for IPv6, `ENOTFOUND` for a host name without a `lookup`, and whatever `lookup` fails with.
 */
export function resolveHost(
  host: string,
  port: number,
  lookup: LookupFunction | undefined,
  done: (answer: HostAnswer) => void,
): void {
  const given = parseAddress(host);
  // As on Linux, the unspecified address as a destination is this host itself.
  if (typeof given === "number") {
    return done({ address: given === ANY_ADDRESS ? LOOPBACK_ADDRESS : given, lookedUp: null });
  }
  if (given === "EAFNOSUPPORT") {
    return done({ error: new NetError(given, "connect", { address: host, port }), lookedUp: null });
  }
  if (lookup === undefined) {
    return done({ error: new NetError(given, "getaddrinfo", { address: host, port }), lookedUp: host });
  }
  lookup(host, { family: 4 }, (failure, found) => {
    if (failure) return done({ error: failure, lookedUp: host });
    const text = typeof found === "string" ? found : found.at(0)?.address;
    const address = text === undefined ? "ENOTFOUND" : parseAddress(text);
    if (typeof address === "number") return done({ address, lookedUp: host });
    done({ error: new NetError(address, "getaddrinfo", { address: host, port }), lookedUp: host });
  });
}
