import type { Address } from "../base/address.ts";
import { assert } from "../base/assert.ts";
import type { LinkDirection, LinkEnd } from "./link.ts";
import type { SimDatagram } from "./sim-datagram.ts";

/** A host, a router or a switch. */
export interface SimNode {
  readonly name: string;
  /** Addresses that datagrams are delivered to here. */
  readonly addresses: readonly Address[];
  /** Whether datagrams for others pass through it. */
  readonly forwards: boolean;
  attach(port: Port): void;
  arrives(datagram: SimDatagram): void;
}

/** Where a link meets a node. */
export class Port implements LinkEnd {
  readonly node: SimNode;
  readonly neighbour: SimNode;
  #out: LinkDirection | null = null;

  constructor(node: SimNode, neighbour: SimNode) {
    this.node = node;
    this.neighbour = neighbour;
  }

  /** The direction that leaves here. */
  get out(): LinkDirection {
    assert(this.#out !== null, "a port has a link");
    return this.#out;
  }
  set out(direction: LinkDirection) {
    this.#out = direction;
  }

  arrives(datagram: SimDatagram): void {
    this.node.arrives(datagram);
  }
}

/** Which nodes there are, how they are joined, and the shortest way (in links) from each to every address. */
export class Topology {
  readonly #nodes = new Map<string, SimNode>();
  readonly #ports = new Map<SimNode, Port[]>();
  /** For each node the port towards an address; forgotten whenever the topology grows. */
  readonly #ways = new Map<SimNode, Map<Address, Port>>();

  add(node: SimNode): void {
    if (this.#nodes.has(node.name)) throw new RangeError(`there are two nodes of the name "${node.name}"`);
    this.#nodes.set(node.name, node);
    this.#ports.set(node, []);
    this.#ways.clear();
  }

  get(name: string): SimNode {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new RangeError(`there is no node of the name "${name}"`);
    return node;
  }

  join(port: Port): void {
    this.#ports.get(port.node)?.push(port);
    port.node.attach(port);
    this.#ways.clear();
  }

  /** The port of `from` on the shortest way to `destination`, the older link where two are equal; null where there is none. */
  portTo(from: SimNode, destination: Address): Port | null {
    let ways = this.#ways.get(from);
    if (ways === undefined) {
      ways = this.#search(from);
      this.#ways.set(from, ways);
    }
    return ways.get(destination) ?? null;
  }

  /** Breadth first; only nodes that forward are passed through. */
  #search(from: SimNode): Map<Address, Port> {
    const ways = new Map<Address, Port>();
    const seen = new Set<SimNode>([from]);
    let frontier = (this.#ports.get(from) ?? []).map((first) => ({ first, node: first.neighbour }));
    while (frontier.length > 0) {
      const next: typeof frontier = [];
      for (const { first, node } of frontier) {
        if (seen.has(node)) continue;
        seen.add(node);
        for (const address of node.addresses) if (!ways.has(address)) ways.set(address, first);
        if (!node.forwards) continue;
        for (const port of this.#ports.get(node) ?? []) next.push({ first, node: port.neighbour });
      }
      frontier = next;
    }
    return ways;
  }
}
