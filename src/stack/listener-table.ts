import { ANY_ADDRESS } from "../base/address.ts";
import type { Address } from "../base/address.ts";

/** The wildcard: any local port, for those who accept every destination. No segment is ever sent to port 0. */
export const ANY_PORT = 0;

/** Those who listen on one port: by address, and on any. */
interface PortListeners<Listener> {
  readonly byAddress: Map<Address, Listener>;
  any: Listener | null;
}

/**
 * Who listens where: small, apart from the connections, and asked only where no four-tuple matched.
 *
 * Order: the most exact listener wins, the port before the address: <address, port>, <any address, port>,
 *        <address, any port>, <any address, any port>.
 * Conflict: the same pair twice (EADDRINUSE). A wildcard and an exact address may both listen on one port, as RFC 9293
 *        §3.9.1 leaves open and BSD allows with SO_REUSEADDR; Linux refuses that for listening sockets. With one order
 *        of precedence nothing is ambiguous, so it is allowed here without an option.
 */
export class ListenerTable<Listener extends object> {
  readonly #byPort = new Map<number, PortListeners<Listener>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** False where this very pair is taken: EADDRINUSE. `ANY_ADDRESS` and `ANY_PORT` are the wildcards. */
  add(address: Address, port: number, listener: Listener): boolean {
    let there = this.#byPort.get(port);
    if (there === undefined) {
      there = { byAddress: new Map(), any: null };
      this.#byPort.set(port, there);
    }
    if (address === ANY_ADDRESS) {
      if (there.any !== null) return false;
      there.any = listener;
    } else {
      if (there.byAddress.has(address)) return false;
      there.byAddress.set(address, listener);
    }
    this.#size++;
    return true;
  }

  /** The listener of exactly this pair, wildcards taken literally. */
  get(address: Address, port: number): Listener | null {
    const there = this.#byPort.get(port);
    if (there === undefined) return null;
    return address === ANY_ADDRESS ? there.any : (there.byAddress.get(address) ?? null);
  }

  /** The listener that a segment to this address and port belongs to. Precondition: neither is a wildcard. @hot */
  find(address: Address, port: number): Listener | null {
    return this.#findOn(port, address) ?? this.#findOn(ANY_PORT, address);
  }

  /** Takes out exactly this pair; false where nobody listens. */
  remove(address: Address, port: number): boolean {
    const there = this.#byPort.get(port);
    if (there === undefined) return false;
    if (address === ANY_ADDRESS) {
      if (there.any === null) return false;
      there.any = null;
    } else if (!there.byAddress.delete(address)) return false;
    if (there.any === null && there.byAddress.size === 0) this.#byPort.delete(port);
    this.#size--;
    return true;
  }

  /** All listeners, by port in the order in which the ports came, exact addresses first. */
  *[Symbol.iterator](): Generator<Listener, void, undefined> {
    for (const there of this.#byPort.values()) {
      yield* there.byAddress.values();
      if (there.any !== null) yield there.any;
    }
  }

  #findOn(port: number, address: Address): Listener | null {
    const there = this.#byPort.get(port);
    if (there === undefined) return null;
    if (there.byAddress.size === 0) return there.any;
    return there.byAddress.get(address) ?? there.any;
  }
}
