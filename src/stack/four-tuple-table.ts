import type { Address } from "../base/address.ts";
import type { Random } from "../base/random.ts";
import { FastBurst } from "./four-tuple-burst-fast.ts";
import { PlainBurst } from "./four-tuple-burst.ts";
import { FourTupleHash } from "./four-tuple-hash.ts";
import { FourTupleIndex, ID_LIMIT } from "./four-tuple-index.ts";
import { BURST, type FourTupleMemory, HIGH_WATER_AT, KEY_SHIFT, recordAt } from "./four-tuple-memory.ts";
import * as record from "./four-tuple-record.ts";

/** Connections that a table holds unless told otherwise; also the most that it can. */
export const FOUR_TUPLES_MAX = ID_LIMIT;
/** Keys that are looked up together at most. */
export const BURST_MAX: number = BURST;
/** Int32 words of one key in a burst: local address, remote address, local port << 16 | remote port, and one that is not looked at. */
export const KEY_WORDS = 1 << KEY_SHIFT;
/** With fewer entries WebAssembly code gains little; and most stacks, a simulation's say, never make any. */
const FAST_ENTRIES = 512;

/** Both ports in one word, as a key and a TCP header in network order hold them. */
export const portPair = (localPort: number, remotePort: number): number => (localPort << 16) | remotePort;

/**
 * From four-tuples to record numbers: where each received segment finds its connection.
 *
 * A record number (id) is a small integer from 0 on, used again after `remove`; the newest freed is used first. It serves
 * as the place of the connection in arrays beside this table and in the timing wheel.
 *
 * Shape:  a 32-octet record per id with the key and the owner's hot words (`four-tuple-record.ts`), and an index of
 *         4-octet slots from the key's secret hash to ids (`four-tuple-index.ts`), in one memory (`four-tuple-memory.ts`).
 * Bounds: `capacity` entries; chains of `CHAIN_MAX`. An insertion that would cross one returns -1 and counts in `refused`.
 * Cost:   growth allocates; nothing else does. No operation ever walks the table but `ids`, which is for people.
 * Source: design.md §3.4; RFC 9293 §3.3.1 (a connection is named by its pair of sockets).
 */
export class FourTupleTable {
  readonly #hash: FourTupleHash;
  readonly #memory: FourTupleMemory;
  /** Of the memory. */
  readonly #base: number;
  readonly #index: FourTupleIndex;
  readonly #capacity: number;
  readonly #plain: PlainBurst;
  /** Undefined before it is wanted, null where there is no WebAssembly. */
  #fast: FastBurst | null | undefined;
  #size = 0;
  #version = 0;
  #refused = 0;
  /** Records that were ever in use; and the newest free one of those. */
  #highWater = 0;
  #free = record.NO_LINK;

  /** `random` gives the secret of the hash, once. */
  constructor(random: Random, capacity = FOUR_TUPLES_MAX) {
    this.#capacity = Math.min(capacity, FOUR_TUPLES_MAX);
    this.#hash = new FourTupleHash(random);
    this.#memory = FourTupleIndex.memoryFor(this.#capacity);
    this.#base = this.#memory.base;
    this.#index = new FourTupleIndex(this.#capacity, this.#memory);
    this.#plain = new PlainBurst(this.#memory, this.#index, this.#hash);
  }

  get size(): number {
    return this.#size;
  }
  /** Another value after each insertion and removal: what a burst did not find may be there since. */
  get version(): number {
    return this.#version;
  }
  /** Insertions turned away at a bound. */
  get refused(): number {
    return this.#refused;
  }
  /** Octets of index in use. */
  get indexOctets(): number {
    return this.#index.octets;
  }

  /** The id that the key gets; -1 where a bound is reached. Precondition: `find` gives -1 for it. */
  insert(local: Address, localPort: number, remote: Address, remotePort: number): number {
    if (this.#size >= this.#capacity) {
      this.#refused++;
      return -1;
    }
    const ports = portPair(localPort, remotePort);
    const hash = this.#hash.of(local, remote, ports);
    const id = this.#free === record.NO_LINK ? this.#highWater : this.#free;
    const at = recordAt(this.#base, id);
    this.#memory.growToId(id);
    if (!this.#index.add(hash, id)) {
      this.#refused++;
      return -1;
    }
    const { words } = this.#memory;
    if (id === this.#highWater) words[HIGH_WATER_AT] = ++this.#highWater;
    else this.#free = words[at + record.LINK];
    words[at + record.LOCAL] = local;
    words[at + record.REMOTE] = remote;
    words[at + record.PORTS] = ports;
    words[at + record.HASH] = hash;
    words[at + record.LINK] = record.IN_USE;
    words.fill(0, at + record.OWN, at + record.RECORD_WORDS);
    if (++this.#size === FAST_ENTRIES && this.#fast === undefined)
      this.#fast = FastBurst.over(this.#memory, this.#hash);
    this.#version = (this.#version + 1) | 0;
    return id;
  }

  /** The id of the key, or -1. @hot */
  find(local: Address, localPort: number, remote: Address, remotePort: number): number {
    const ports = (localPort << 16) | remotePort; // `portPair`, which V8 would look up.
    const fast = this.#fast;
    if (fast) return fast.findOne(local, remote, ports);
    return this.#index.find(local, remote, ports, this.#hash.of(local, remote, ports));
  }

  /** Frees the record `id`. Precondition: it is in use. */
  remove(id: number): void {
    const { words } = this.#memory;
    const at = recordAt(this.#base, id);
    const hash = words[at + record.HASH];
    this.#index.remove(hash, id);
    words[at + record.HASH] = ~hash;
    words[at + record.LINK] = this.#free;
    this.#free = id;
    this.#size--;
    this.#version = (this.#version + 1) | 0;
  }

  /**
   * Looks up the first `count` keys of `keys` together, so that their cache misses overlap: `found` tells what was found.
   * Each is right as long as `version` stays; after that, an id is a hint for `holds`, and a -1 wants a `find`.
   *
   * Shape: `keys` has room for `BURST_MAX` keys, `KEY_WORDS` each.
   * @hot
   */
  findBurst(keys: Int32Array, count: number): void {
    this.#memory.putKeys(keys, count);
    (this.#fast ?? this.#plain).find(count);
  }
  /** The id of key `i` of the burst, or -1. @hot */
  found(i: number): number {
    return this.#memory.found(i);
  }

  /** Slots that a look-up of this key reads at most; below or at `CHAIN_MAX`. For tests and curiosity. */
  chainLength(local: Address, localPort: number, remote: Address, remotePort: number): number {
    return this.#index.chainLength(this.#hash.of(local, remote, portPair(localPort, remotePort)));
  }

  /** Whether record `id` is in use and has this key. */
  holds(id: number, local: Address, localPort: number, remote: Address, remotePort: number): boolean {
    const { words } = this.#memory;
    const at = recordAt(this.#base, id);
    return (
      id >= 0 &&
      id < this.#highWater &&
      words[at + record.LINK] === record.IN_USE &&
      words[at + record.LOCAL] === local &&
      words[at + record.REMOTE] === remote &&
      words[at + record.PORTS] === portPair(localPort, remotePort)
    );
  }

  localAddress(id: number): Address {
    return this.#memory.words[recordAt(this.#base, id) + record.LOCAL] as Address;
  }
  localPort(id: number): number {
    return this.#memory.words[recordAt(this.#base, id) + record.PORTS] >>> 16;
  }
  remoteAddress(id: number): Address {
    return this.#memory.words[recordAt(this.#base, id) + record.REMOTE] as Address;
  }
  remotePort(id: number): number {
    return this.#memory.words[recordAt(this.#base, id) + record.PORTS] & 0xffff;
  }

  /** The owner's first word, in the cache line that the look-up has just read. 0 after `insert`. @hot */
  stateWord(id: number): number {
    return this.#memory.own(id, 0);
  }
  /** Any int32. @hot */
  setStateWord(id: number, value: number): void {
    this.#memory.setOwn(id, 0, value);
  }
  /** Word `n` of the owner's `OWN_WORDS`; word 0 is the state word. @hot */
  hotWord(id: number, n: number): number {
    return this.#memory.own(id, n);
  }
  /** Any int32. @hot */
  setHotWord(id: number, n: number, value: number): void {
    this.#memory.setOwn(id, n, value);
  }

  /** All ids in use, ascending: for listings. Walks every record. What is inserted or removed meanwhile may be missed. */
  *ids(): Generator<number, void, undefined> {
    for (let id = 0; id < this.#highWater; id++) {
      if (this.#memory.words[recordAt(this.#base, id) + record.LINK] === record.IN_USE) yield id;
    }
  }
}
