import type { Address } from "../base/address.ts";
import { GrowableWords } from "../base/growable-words.ts";
import type { Random } from "../base/random.ts";
import { FourTupleHash } from "./four-tuple-hash.ts";
import { CHAIN_MAX, displacementOf, FourTupleIndex, homeOf, ID_LIMIT, SEGMENT_SLOTS } from "./four-tuple-index.ts";
import { slotId, slotTagIs, tagMask, tagOf } from "./four-tuple-index.ts";
import * as record from "./four-tuple-record.ts";

/** Connections that a table holds unless told otherwise; also the most that it can. */
export const FOUR_TUPLES_MAX = ID_LIMIT;
/** Int32 words of one key in a burst: local address, remote address, local port << 16 | remote port. */
export const KEY_WORDS = 3;
/** What a burst look-up works on at once; longer ones are cut. */
const BURST = 64;
/** Slots of each chain that a burst looks at without a branch. */
const FIRST_SLOTS = 4;
const SLOT_MASK = SEGMENT_SLOTS - 1;

/** Both ports in one word, as a key and a TCP header in network order hold them. */
export const portPair = (localPort: number, remotePort: number): number => (localPort << 16) | remotePort;

/**
 * From four-tuples to record numbers: where each received segment finds its connection.
 *
 * A record number (id) is a small integer from 0 on, used again after `remove`; the newest freed is used first. It serves
 * as the place of the connection in arrays beside this table and in the timing wheel.
 *
 * Shape:  a 64-octet record per id with the key and the owner's hot words (`four-tuple-record.ts`), and an index of
 *         4-octet slots from the key's secret hash to ids (`four-tuple-index.ts`).
 * Bounds: `capacity` entries; chains of `CHAIN_MAX`. An insertion that would cross one returns -1 and counts in `refused`.
 * Cost:   growth allocates; nothing else does. No operation ever walks the table but `ids`, which is for people.
 * Source: design.md §3.4; RFC 9293 §3.3.1 (a connection is named by its pair of sockets).
 */
export class FourTupleTable {
  readonly #hash: FourTupleHash;
  readonly #records: GrowableWords;
  readonly #index: FourTupleIndex;
  readonly #capacity: number;
  #size = 0;
  #version = 0;
  #refused = 0;
  /** Records that were ever in use; and the newest free one of those. */
  #highWater = 0;
  #free = record.NO_LINK;
  /** Written, so that the compiler does not leave out reads whose only use is that they were made. */
  readonly #touched = new Int32Array(1);
  readonly #burstHash = new Int32Array(BURST);
  readonly #burstStart = new Int32Array(BURST);
  readonly #burstId = new Int32Array(BURST);

  /** `random` gives the secret of the hash, once. */
  constructor(random: Random, capacity = FOUR_TUPLES_MAX) {
    this.#capacity = Math.min(capacity, FOUR_TUPLES_MAX);
    this.#hash = new FourTupleHash(random);
    this.#records = new GrowableWords(this.#capacity * record.RECORD_WORDS);
    this.#index = new FourTupleIndex(this.#capacity, this.#records);
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
    const at = id << record.RECORD_SHIFT;
    this.#records.growTo(at + record.RECORD_WORDS);
    if (!this.#index.add(hash, id)) {
      this.#refused++;
      return -1;
    }
    const words = this.#records.words;
    if (id === this.#highWater) this.#highWater++;
    else this.#free = words[at + record.LINK];
    words[at + record.LOCAL] = local;
    words[at + record.REMOTE] = remote;
    words[at + record.PORTS] = ports;
    words[at + record.HASH] = hash;
    words[at + record.LINK] = record.IN_USE;
    words.fill(0, at + record.OWN, at + record.RECORD_WORDS);
    this.#size++;
    this.#version = (this.#version + 1) | 0;
    return id;
  }

  /** The id of the key, or -1. @hot */
  find(local: Address, localPort: number, remote: Address, remotePort: number): number {
    const ports = portPair(localPort, remotePort);
    return this.#findHashed(local, remote, ports, this.#hash.of(local, remote, ports));
  }

  /** Frees the record `id`. Precondition: it is in use. */
  remove(id: number): void {
    const words = this.#records.words;
    const at = id << record.RECORD_SHIFT;
    this.#index.remove(words[at + record.HASH], id);
    words[at + record.LINK] = this.#free;
    this.#free = id;
    this.#size--;
    this.#version = (this.#version + 1) | 0;
  }

  /**
   * Looks up `count` keys together, so that their cache misses overlap: `out[i]` is the id of the key in
   * `keys[i * KEY_WORDS, …)`, or -1. Each is right as long as `version` stays; after that, an id is a hint for `holds`,
   * and a -1 wants a `find`.
   * @hot
   */
  findBurst(keys: Int32Array, count: number, out: Int32Array): void {
    for (let from = 0; from < count; from += BURST) {
      const some = Math.min(count - from, BURST);
      this.#hash.ofBurst(keys, from * KEY_WORDS, some, this.#burstHash);
      this.#touched[0] = this.#startBurst(some);
      this.#matchBurst(some);
      this.#touched[0] = this.#touchBurst(some);
      this.#verifyBurst(keys, from, some, out);
    }
  }

  /** Slots that a look-up of this key reads at most; below or at `CHAIN_MAX`. For tests and curiosity. */
  chainLength(local: Address, localPort: number, remote: Address, remotePort: number): number {
    return this.#index.chainLength(this.#hash.of(local, remote, portPair(localPort, remotePort)));
  }

  /** Whether record `id` is in use and has this key. */
  holds(id: number, local: Address, localPort: number, remote: Address, remotePort: number): boolean {
    const words = this.#records.words;
    const at = id << record.RECORD_SHIFT;
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
    return this.#records.words[(id << record.RECORD_SHIFT) + record.LOCAL] as Address;
  }
  localPort(id: number): number {
    return this.#records.words[(id << record.RECORD_SHIFT) + record.PORTS] >>> 16;
  }
  remoteAddress(id: number): Address {
    return this.#records.words[(id << record.RECORD_SHIFT) + record.REMOTE] as Address;
  }
  remotePort(id: number): number {
    return this.#records.words[(id << record.RECORD_SHIFT) + record.PORTS] & 0xffff;
  }

  /** The owner's first word, in the cache line that the look-up has just read. 0 after `insert`. @hot */
  stateWord(id: number): number {
    return this.#records.words[(id << record.RECORD_SHIFT) + record.OWN];
  }
  /** Any int32. @hot */
  setStateWord(id: number, value: number): void {
    this.#records.words[(id << record.RECORD_SHIFT) + record.OWN] = value;
  }
  /** Word `n` of the owner's `OWN_WORDS`; word 0 is the state word. @hot */
  hotWord(id: number, n: number): number {
    return this.#records.words[(id << record.RECORD_SHIFT) + record.OWN + n];
  }
  /** Any int32. @hot */
  setHotWord(id: number, n: number, value: number): void {
    this.#records.words[(id << record.RECORD_SHIFT) + record.OWN + n] = value;
  }

  /** All ids in use, ascending: for listings. Walks every record. What is inserted or removed meanwhile may be missed. */
  *ids(): Generator<number, void, undefined> {
    for (let id = 0; id < this.#highWater; id++) {
      if (this.#records.words[(id << record.RECORD_SHIFT) + record.LINK] === record.IN_USE) yield id;
    }
  }

  /** Where the chains begin, and a read of each. */
  #startBurst(count: number): number {
    const hashes = this.#burstHash;
    const starts = this.#burstStart;
    const directory = this.#index.directory;
    const shift = this.#index.shift;
    const slots = this.#index.slots;
    let touched = 0;
    for (let i = 0; i < count; i++) {
      const hash = hashes[i];
      const start = directory[hash >>> shift] + homeOf(hash);
      starts[i] = start;
      touched |= slots[start];
    }
    return touched;
  }

  /**
   * What may be the ids: from the first `FIRST_SLOTS` of each chain, which hold nearly all there are. The one whose tag is
   * right leaves its bits in `match`; two that are right leave rubbish, an empty one nothing. Behind the end of a segment
   * other slots are read. All that is left to `#verifyBurst`.
   */
  #matchBurst(count: number): void {
    const hashes = this.#burstHash;
    const starts = this.#burstStart;
    const ids = this.#burstId;
    const slots = this.#index.slots;
    const highWater = this.#highWater;
    for (let i = 0; i < count; i++) {
      const tag = tagOf(hashes[i]);
      const at = starts[i];
      const a = slots[at];
      const b = slots[at + 1];
      const c = slots[at + 2];
      const d = slots[at + 3];
      const match = (a & tagMask(a, tag)) | (b & tagMask(b, tag)) | (c & tagMask(c, tag)) | (d & tagMask(d, tag));
      const id = slotId(match);
      ids[i] = id & ((id - highWater) >> 31); // -1 where nothing matched, 0 for rubbish that is no record's.
    }
  }

  /** A read of each record that may be meant. */
  #touchBurst(count: number): number {
    const ids = this.#burstId;
    const words = this.#records.words;
    let touched = 0;
    for (let i = 0; i < count; i++) touched |= words[(ids[i] & ~(ids[i] >> 31)) << record.RECORD_SHIFT];
    return touched;
  }

  /** Who has the key gets the answer; for the few others, and for what is absent, the chain is walked. */
  #verifyBurst(keys: Int32Array, from: number, count: number, out: Int32Array): void {
    const ids = this.#burstId;
    const words = this.#records.words;
    for (let i = 0, at = from * KEY_WORDS; i < count; i++, at += KEY_WORDS) {
      const id = ids[i];
      const word = (id & ~(id >> 31)) << record.RECORD_SHIFT;
      const difference =
        (words[word] ^ keys[at]) |
        (words[word + record.REMOTE] ^ keys[at + 1]) |
        (words[word + record.PORTS] ^ keys[at + 2]) |
        (words[word + record.LINK] ^ record.IN_USE) | // Rubbish may be a freed record, which still has its key.
        (id >> 31);
      if (difference === 0) out[from + i] = id;
      else if (id < 0 && this.#endsEarly(this.#burstStart[i])) out[from + i] = -1;
      else out[from + i] = this.#findHashed(keys[at], keys[at + 1], keys[at + 2], this.#burstHash[i]);
    }
  }

  /** Whether the chain that begins at this slot surely ends within `FIRST_SLOTS`. */
  #endsEarly(start: number): boolean {
    const last = start + FIRST_SLOTS - 1;
    if ((start & SLOT_MASK) > SLOT_MASK - FIRST_SLOTS + 1) return false; // It may go on at the segment's first slot.
    const slot = this.#index.slots[last];
    return slot === 0 || displacementOf(slot, last) < FIRST_SLOTS - 1;
  }

  #findHashed(local: number, remote: number, ports: number, hash: number): number {
    const slots = this.#index.slots;
    const words = this.#records.words;
    const place = this.#index.directory[hash >>> this.#index.shift];
    const home = homeOf(hash);
    const tag = tagOf(hash);
    for (let distance = 0; distance < CHAIN_MAX; distance++) {
      const slotAt = (home + distance) & SLOT_MASK;
      const slot = slots[place + slotAt];
      if (slot === 0) return -1;
      if (slotTagIs(slot, tag)) {
        const id = slotId(slot);
        const at = id << record.RECORD_SHIFT;
        if (words[at] === local && words[at + record.REMOTE] === remote && words[at + record.PORTS] === ports)
          return id;
      } else if (displacementOf(slot, slotAt) < distance) return -1;
    }
    return -1;
  }
}
