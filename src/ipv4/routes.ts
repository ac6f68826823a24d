import { ANY_ADDRESS, type Address, toAddress } from "../base/address.ts";
import { assert } from "../base/assert.ts";

/** The link inside the stack. Devices are links from 1 on. */
export const LOOPBACK_LINK = 0;
/** What every link carries unfragmented. RFC 791 §3.2. */
const MTU_MIN = 68;
const LOOPBACK_MTU = 65_535;
const LOOPBACK_ADDRESS = toAddress(0x7f00_0001);
const LIMITED_BROADCAST = toAddress(-1);

/** Where a datagram goes. One object per route, never changed: it may be kept and compared. */
export interface Route {
  readonly link: number;
  /** The address to speak from; `ANY_ADDRESS` where the link has none (`acceptAny`: answer from the address asked). */
  readonly source: Address;
  readonly mtu: number;
  readonly loopback: boolean;
  /** The destination is more than one host: a broadcast or a multicast address. */
  readonly broadcast: boolean;
}

/** What an address is when a datagram on some link is sent to it. RFC 1122 §3.2.1.3. */
export const LOCAL = 0;
/** Of every host on a link, limited (255.255.255.255) or directed (to a prefix of ours). */
export const BROADCAST = 1;
export const MULTICAST = 2;
/** Another host's. */
export const FOREIGN = 3;
/** None that may be on this link: 0.0.0.0/8, 240.0.0.0/4, or 127.0.0.0/8 outside the host. */
export const MARTIAN = 4;
export type DestinationKind = typeof LOCAL | typeof BROADCAST | typeof MULTICAST | typeof FOREIGN | typeof MARTIAN;

export interface LinkOptions {
  readonly link: number;
  /** Largest datagram, in octets. */
  readonly mtu: number;
  /** Take every unicast destination for our own: what terminates a VPN or a proxy needs. */
  readonly acceptAny?: boolean;
}

export interface AddressOptions {
  readonly link: number;
  readonly address: Address;
  readonly prefixLength: number;
}

export interface RouteOptions {
  readonly destination: Address;
  readonly prefixLength: number;
  readonly link: number;
  /** The link's first address where it is left out. */
  readonly source?: Address;
}

interface Link {
  readonly mtu: number;
  readonly acceptAny: boolean;
  source: Address;
  /** For a broadcast on it. */
  broadcast: Route | null;
}

interface Entry {
  readonly prefix: Address;
  readonly mask: number;
  readonly route: Route;
}

/** IPv4 multicast, 224.0.0.0/4: RFC 1112 §4. */
const isMulticast = (address: Address): boolean => address >>> 28 === 14;
const isClassE = (address: Address): boolean => address >>> 28 === 15;
const isThisNetwork = (address: Address): boolean => address >>> 24 === 0;
const isLoopback = (address: Address): boolean => address >>> 24 === 127;
const maskOf = (prefixLength: number): number => (prefixLength === 0 ? 0 : -1 << (32 - prefixLength));

/**
 * The host's links, its addresses on them, and which way a destination lies: RFC 1122 §3.3.1.
 *
 * Links are point to multipoint on layer 3, so a route names a link and no gateway.
 * Written when the stack opens, read for every datagram; the number of routes is the application's, never a peer's.
 */
export class Routes {
  readonly #links: (Link | undefined)[] = [];
  /** A route to each address of our own: it leads to the loopback link and speaks from that address. */
  readonly #locals = new Map<Address, Route>();
  readonly #broadcasts = new Map<Address, Route>();
  /** Both of these in one, for the path that every datagram takes: `LOCAL` or `BROADCAST`. */
  readonly #kinds = new Map<Address, DestinationKind>([[LIMITED_BROADCAST, BROADCAST]]);
  /** Longest prefix first. */
  #entries: readonly Entry[] = [];
  #anyRoute: Route | null = null;

  constructor() {
    this.addLink({ link: LOOPBACK_LINK, mtu: LOOPBACK_MTU });
    this.addAddress({ link: LOOPBACK_LINK, address: LOOPBACK_ADDRESS, prefixLength: 8 });
  }

  addLink({ link, mtu, acceptAny = false }: LinkOptions): void {
    assert(this.#links[link] === undefined, "a link is added once");
    assert(mtu >= MTU_MIN, "a link carries datagrams of 68 octets");
    this.#links[link] = { mtu, acceptAny, source: ANY_ADDRESS, broadcast: null };
    if (acceptAny) this.#anyRoute ??= this.#makeRoute(link, ANY_ADDRESS, false);
  }

  /** Makes `address` one of the host's own and its prefix reachable on the link. RFC 1122 §3.3.4.1: there may be several. */
  addAddress({ link, address, prefixLength }: AddressOptions): void {
    const owner = this.#link(link);
    if (owner.source === ANY_ADDRESS) {
      owner.source = address;
      if (owner.acceptAny && this.#anyRoute?.link === link) this.#anyRoute = this.#makeRoute(link, address, false);
    }
    this.#locals.set(address, this.#makeRoute(LOOPBACK_LINK, address, false));
    this.#kinds.set(address, LOCAL);
    this.#insert(address, prefixLength, this.#makeRoute(link, address, false));
    if (link === LOOPBACK_LINK) return;
    const broadcast = this.#makeRoute(link, address, true);
    owner.broadcast ??= broadcast;
    if (prefixLength > 30) return; // RFC 3021: a prefix of two addresses or one has no broadcast.
    const mask = maskOf(prefixLength);
    this.#addBroadcast(toAddress(address | ~mask), broadcast);
    this.#addBroadcast(toAddress(address & mask), broadcast); // The form of 4.2BSD: RFC 1122 §3.3.6 SHOULD.
  }

  /** Adds a way to a prefix; to the default one by a prefix length of 0. */
  addRoute({ destination, prefixLength, link, source }: RouteOptions): void {
    this.#insert(destination, prefixLength, this.#makeRoute(link, source ?? this.#link(link).source, false));
  }

  /** Whether the host itself has this address. */
  isLocal(address: Address): boolean {
    return isLoopback(address) || this.#locals.has(address);
  }

  /** Whether what is sent to this unicast address on this link is for this host. */
  receivesFor(address: Address, link: number): boolean {
    return this.destinationKind(address, link) === LOCAL;
  }

  /** @hot */
  destinationKind(address: Address, link: number): DestinationKind {
    if (isLoopback(address)) return link === LOOPBACK_LINK ? LOCAL : MARTIAN;
    const known = this.#kinds.get(address);
    if (known !== undefined) return known;
    if (isMulticast(address)) return MULTICAST;
    if (isClassE(address) || isThisNetwork(address)) return MARTIAN;
    return this.#link(link).acceptAny ? LOCAL : FOREIGN;
  }

  /**
   * Whether no honest host can have sent this from outside: an address that names no single host, a loopback address
   * on a wire, or one of our own ("land"). RFC 1122 §3.2.1.3; RFC 1812 §5.3.7.
   * @hot
   */
  isBadSource(source: Address, destination: Address, link: number): boolean {
    if (link === LOOPBACK_LINK) return !this.isLocal(source);
    if (source >>> 28 >= 14 || isThisNetwork(source) || isLoopback(source) || source === destination) return true;
    return this.#kinds.has(source);
  }

  /**
   * The way to `destination` by the longest prefix, or null. Allocates nothing; the same answer is the same object.
   * Our own addresses lead to the loopback link; so does all of 127.0.0.0/8, spoken to from 127.0.0.1.
   * @hot
   */
  lookup(destination: Address): Route | null {
    const own = this.#locals.get(destination);
    if (own !== undefined) return own;
    if (destination === LIMITED_BROADCAST) return this.#limitedBroadcast();
    const directed = this.#broadcasts.get(destination);
    if (directed !== undefined) return directed;
    if (isClassE(destination) || isThisNetwork(destination)) return null;
    for (const entry of this.#entries) {
      if ((destination & entry.mask) !== entry.prefix) continue;
      return isMulticast(destination) ? this.#link(entry.route.link).broadcast : entry.route;
    }
    return isMulticast(destination) ? null : this.#anyRoute;
  }

  /** On the first device that has an address. RFC 1122 §3.3.6. */
  #limitedBroadcast(): Route | null {
    for (const link of this.#links) if (link?.broadcast) return link.broadcast;
    return null;
  }

  /** An address of our own stays that, whatever prefix it ends. */
  #addBroadcast(address: Address, route: Route): void {
    this.#broadcasts.set(address, route);
    if (!this.#locals.has(address)) this.#kinds.set(address, BROADCAST);
  }

  #insert(address: Address, prefixLength: number, route: Route): void {
    assert(prefixLength >= 0 && prefixLength <= 32, "a prefix has 0 to 32 bits");
    const mask = maskOf(prefixLength);
    // As unsigned numbers longer masks are larger; the sort is stable, so of two equal prefixes the first wins.
    this.#entries = [...this.#entries, { prefix: toAddress(address & mask), mask, route }].sort(
      (a, b) => (b.mask >>> 0) - (a.mask >>> 0),
    );
  }

  #makeRoute(link: number, source: Address, broadcast: boolean): Route {
    return { link, source, mtu: this.#link(link).mtu, loopback: link === LOOPBACK_LINK, broadcast };
  }

  #link(link: number): Link {
    const found = this.#links[link];
    assert(found !== undefined, "a link is added before it is used");
    return found;
  }
}
