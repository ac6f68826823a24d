import type { Address } from "../base/address.ts";
import { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { Routes } from "../ipv4/routes.ts";
import { parsePrefix } from "../sockets/address-text.ts";
import { CODE_FRAGMENTATION_NEEDED, CODE_NETWORK, TYPE_TIME_EXCEEDED, TYPE_UNREACHABLE } from "../wire/icmp.ts";
import { Datagram, parseIpv4 } from "../wire/ipv4.ts";
import { decrementTtl } from "./datagram-fields.ts";
import type { Fault } from "./faults.ts";
import { fragmentsOf } from "./fragmenting.ts";
import type { LinkWorld } from "./link.ts";
import { type RouterError, RouterIcmp } from "./router-icmp.ts";
import { SimDatagram } from "./sim-datagram.ts";
import type { Port, SimNode, Topology } from "./topology.ts";

/** Of `TYPE_TIME_EXCEEDED`. RFC 792. */
const CODE_TTL = 0;
const TIME_EXCEEDED: RouterError = { type: TYPE_TIME_EXCEEDED, code: CODE_TTL, rest: 0 };
const NO_ROUTE: RouterError = { type: TYPE_UNREACHABLE, code: CODE_NETWORK, rest: 0 };

export interface RouterOptions {
  /** From which its ICMP errors come. */
  readonly address: Address;
  /** A switch passes datagrams on as they are: no time to live, no errors, no fragments. */
  readonly transparent: boolean;
  /** Whether it tells senders by ICMP what it could not forward. */
  readonly icmp: boolean;
  readonly random: Random;
}

/** A route that a router does not have for a time. */
export interface Refusal {
  end(): void;
}

type ParsedPrefix = NonNullable<ReturnType<typeof parsePrefix>>;

/** Errors: `RangeError` where it is no prefix. */
function parsed(prefix: string): ParsedPrefix {
  const result = parsePrefix(prefix);
  if (result === null) throw new RangeError(`"${prefix}" is no prefix; give one as in "10.0.2.0/24"`);
  return result;
}

/**
 * Forwards datagrams by the longest prefix of its own routes, and where none matches by the shortest way to a host.
 * Its queues are those of the links that leave it. Source: RFC 1812 §5.2.
 */
export class Router implements SimNode {
  readonly name: string;
  readonly addresses: readonly Address[];
  readonly forwards = true;
  readonly #world: LinkWorld;
  readonly #topology: Topology;
  readonly #options: RouterOptions;
  readonly #clock = new Clock();
  readonly #icmp: RouterIcmp;
  readonly #routes = new Routes();
  /** A route's link number is the port's place in here plus one; the loopback is link 0. */
  readonly #ports: Port[] = [];
  readonly #refused = new Set<ParsedPrefix>();
  readonly #datagram = new Datagram();

  constructor(name: string, world: LinkWorld, topology: Topology, options: RouterOptions) {
    this.name = name;
    this.addresses = options.transparent ? [] : [options.address];
    this.#world = world;
    this.#topology = topology;
    this.#options = options;
    this.#icmp = new RouterIcmp(this.#clock, options.random);
  }

  /** Sends what is for `prefix` ("10.0.2.0/24") to `neighbour`, to which there is a link already. */
  route(prefix: string, neighbour: SimNode): void {
    const { address, prefixLength } = parsed(prefix);
    const port = this.#ports.findIndex((each) => each.neighbour === neighbour);
    if (port < 0) throw new RangeError(`"${this.name}" has no link to "${neighbour.name}"`);
    this.#routes.addRoute({ destination: address, prefixLength, link: port + 1 });
  }

  /** It has no route to `prefix` until that ends: what is for there is lost, and its sender told so. */
  refuse(prefix: string): Refusal {
    const refused = parsed(prefix);
    this.#refused.add(refused);
    return { end: () => this.#refused.delete(refused) };
  }

  attach(port: Port): void {
    this.#ports.push(port);
    this.#routes.addLink({ link: this.#ports.length, mtu: port.out.mtu });
  }

  arrives(given: SimDatagram): void {
    const datagram = this.#datagram;
    if (parseIpv4(given.frame, given.at, given.at + given.length, datagram) !== "ok")
      return this.#world.faults.add("malformed");
    const port = this.#portTo(datagram.destination);
    if (this.#options.transparent) {
      if (port === null) this.#world.faults.add("no-route");
      else port.out.send(given);
      return;
    }
    if (datagram.ttl <= 1) return this.#refuse(datagram, "ttl-exceeded", TIME_EXCEEDED);
    if (port === null) return this.#refuse(datagram, "no-route", NO_ROUTE);
    this.#forward(datagram, port, given);
  }

  #forward(datagram: Datagram, port: Port, given: SimDatagram): void {
    const { mtu } = port.out;
    const length = datagram.end - datagram.at;
    if (length > mtu && datagram.dontFragment) {
      const error = { type: TYPE_UNREACHABLE, code: CODE_FRAGMENTATION_NEEDED, rest: mtu }; // RFC 1191 §4.
      return this.#refuse(datagram, "fragmentation-needed", error);
    }
    if (length <= mtu) {
      const copy = given.copy(this.#world.arena);
      decrementTtl(copy);
      return port.out.send(copy);
    }
    const whole = SimDatagram.of(given.finished().subarray(0, length));
    decrementTtl(whole);
    parseIpv4(whole.frame, 0, length, datagram);
    this.#world.faults.add("fragmented");
    for (const fragment of fragmentsOf(datagram, mtu)) port.out.send(SimDatagram.of(fragment));
  }

  #portTo(destination: Address): Port | null {
    if (this.#refused.size > 0 && this.#refuses(destination)) return null;
    const route = this.#routes.lookup(destination);
    if (route !== null && !route.loopback) return this.#ports[route.link - 1];
    return this.#topology.portTo(this, destination);
  }

  #refuses(destination: Address): boolean {
    for (const { address, prefixLength } of this.#refused) {
      if (prefixLength === 0 || (address ^ destination) >>> (32 - prefixLength) === 0) return true;
    }
    return false;
  }

  #refuse(datagram: Datagram, fault: Fault, error: RouterError): void {
    this.#world.faults.add(fault);
    if (!this.#options.icmp) return;
    this.#clock.nowUs = this.#world.time.nowUs();
    const source = datagram.source;
    const answer = this.#icmp.errorAbout(datagram, this.#options.address, error);
    if (answer !== null) this.#portTo(source)?.out.send(SimDatagram.of(answer));
  }
}
