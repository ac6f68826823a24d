import { sumOctets } from "../../src/base/checksum.ts";
import {
  PLAN_FIELDS,
  STATE_FIELDS,
  STATE_FLAGS,
  STATE_INDEX,
  STATE_MTU,
  STATE_QUEUE_LENGTH,
  type TunAddon,
  WRITE_RESULT_ROWS,
} from "../../src/device/tun-addon.ts";

/** An addon without a kernel: results are set beforehand, calls are recorded. */
export class FakeAddon implements TunAddon {
  /** Every call that changes something, as text. */
  readonly calls: string[] = [];
  /** By call, or call and first argument ("setOffload 7"); 0 where nothing is said. */
  readonly results = new Map<string, number>();
  /** Errno of each row to come; 0 or nothing: it is written. */
  refusals: number[] = [];
  /** Rows that were written, whole. */
  readonly written: Uint8Array[] = [];
  /** Rows to be read, link header included. */
  readable: Uint8Array[] = [];
  deviceRemoved = false;
  state = { index: 3, flags: 1, mtu: 1500, queueLength: 4096 };
  tell: ((events: number, status: number) => void) | null = null;

  open(): number {
    return this.#call("open");
  }
  adopt(fd: number): number {
    return this.#call("adopt", fd);
  }
  attach(_handle: number, name: string, flags: number): number {
    return this.#call("attach", flags.toString(16), name);
  }
  setHeaderLength(_handle: number, octets: number): number {
    return this.#call("setHeaderLength", octets);
  }
  setOffload(_handle: number, bits: number): number {
    return this.#call("setOffload", bits);
  }
  persist(_handle: number, on: number, uid: number, gid: number): number {
    return this.#call("persist", on, uid, gid);
  }
  deviceName(): string | number {
    return this.deviceRemoved ? -77 : "tun0";
  }
  deviceFlags(): number {
    return this.results.get("deviceFlags") ?? 0x5001;
  }
  close(): void {
    this.#call("close");
  }
  start(_handle: number, tell: (events: number, status: number) => void): number {
    this.tell = tell;
    return this.#call("start");
  }
  poll(_handle: number, events: number): number {
    return this.#call("poll", events);
  }
  watchLinks(): number {
    return this.#call("watchLinks");
  }
  ref(): void {
    this.#call("ref");
  }
  unref(): void {
    this.#call("unref");
  }
  readBatch(
    _handle: number,
    slab: Uint8Array,
    from: number,
    lead: number,
    room: number,
    spans: Int32Array,
    sums: Int32Array,
  ): number {
    const failure = this.results.get("readBatch") ?? 0;
    if (failure < 0) return failure;
    let row = 0;
    let at = from;
    for (; this.readable.length > 0 && row * 2 < spans.length; row++) {
      at = ((at + 7) & ~7) + lead;
      if (at + room > slab.length) break;
      const octets = this.readable.shift() ?? new Uint8Array(0);
      slab.set(octets, at);
      spans[2 * row] = at;
      at += octets.length;
      spans[2 * row + 1] = at;
      if (sums.length > 0) sums[row] = sumOctets(octets, 0, octets.length, 0);
    }
    return row;
  }
  writeBatch(
    _handle: number,
    head: Uint8Array,
    plan: Int32Array,
    rows: number,
    pieceBytes: readonly (Uint8Array | null)[],
    pieceAt: Int32Array,
    pieceLength: Int32Array,
  ): number {
    for (let row = 0; row < rows; row++) {
      const errno = this.refusals.shift() ?? 0;
      if (errno !== 0) return row * WRITE_RESULT_ROWS + errno;
      const [at, length, first, count, sumFrom, sumAt] = plan.subarray(row * PLAN_FIELDS, (row + 1) * PLAN_FIELDS);
      const octets = [...head.subarray(at, at + length)];
      for (let p = first; p < first + count; p++) {
        octets.push(...(pieceBytes[p]?.subarray(pieceAt[p], pieceAt[p] + pieceLength[p]) ?? []));
      }
      const datagram = Uint8Array.from(octets);
      if (sumAt > 0) new DataView(datagram.buffer).setUint16(sumAt, ~sumOctets(datagram, sumFrom, datagram.length, 0));
      this.written.push(datagram);
    }
    return rows * WRITE_RESULT_ROWS;
  }
  interfaceState(_name: string, into: Int32Array): number {
    into.fill(0, 0, STATE_FIELDS);
    into[STATE_INDEX] = this.state.index;
    into[STATE_FLAGS] = this.state.flags;
    into[STATE_MTU] = this.state.mtu;
    into[STATE_QUEUE_LENGTH] = this.state.queueLength;
    return this.results.get("interfaceState") ?? 0;
  }
  interfaceSet(name: string, what: number, value: number): number {
    return this.#call("interfaceSet", what, value, name);
  }
  sum(): number {
    return 0;
  }

  #call(name: string, ...args: (string | number)[]): number {
    this.calls.push([name, ...args].join(" "));
    return this.results.get(`${name} ${String(args[0])}`) ?? this.results.get(name) ?? 0;
  }
}
