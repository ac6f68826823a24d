import { DATAGRAM_MAX, RX_LINK_ROOM, type RxBatch } from "../base/rx-batch.ts";
import { TX_ROWS, type TxBatch } from "../base/tx-batch.ts";
import type { Device, DeviceEvents, Offload } from "./device.ts";
import { completeUdpChecksum, sumVouches } from "./offload.ts";
import {
  EVENT_LINK,
  EVENT_READABLE,
  EVENT_WRITABLE,
  IFF_UP,
  loadTunAddon,
  PLAN_FIELDS,
  STATE_FIELDS,
  STATE_FLAGS,
  STATE_MTU,
  type TunAddon,
  WRITE_RESULT_ROWS,
} from "./tun-addon.ts";
import { deviceRemoved, EAGAIN, EBADFD, EFAULT, EIO, ENOBUFS, ENOMEM, linkDown, tunError } from "./tun-errors.ts";
import { openTun, type OpenedTun, type TunOptions } from "./tun-open.ts";
import { putVnetHeader, VNET_HEADER, vnetGsoSize, vnetVouches } from "./tun-vnet.ts";

export { TunError } from "./tun-errors.ts";
export type { TunOptions } from "./tun-open.ts";

/** Datagrams of this device, each counted once in either direction. */
export class TunCounters {
  rxRows = 0;
  /** Shorter than the link header that the kernel owes. */
  rxMalformed = 0;
  txRows = 0;
  /** Longer than the MTU, or a super-segment where the device does not cut. */
  txUnfit = 0;
  /** Refused by the kernel one by one (EINVAL, EMSGSIZE, …). */
  txRefused = 0;
  /** Lost since the kernel had no memory for them (ENOBUFS, ENOMEM). */
  txNoMemory = 0;
  /** Offered while the link was down or gone. */
  txNoLink = 0;
  /** How often the device was full and rows had to wait: an event, not a datagram. */
  txFull = 0;
}

/**
 * A TUN device of Linux: the kernel's own network stack is at the other end of it.
 *
 * Life: `down(TunError)` comes once, where the device is removed or its link, after having been up, is set down. From then on
 *       reads give nothing and rows are dropped; what remains is `close`. A link that is not up yet drops rows too.
 */
export class TunDevice implements Device {
  readonly offload: Offload;
  readonly counters = new TunCounters();
  readonly #addon: TunAddon;
  readonly #handle: number;
  readonly #linkHeader: number;
  /** Where a row's read begins behind a multiple of 8, so that its datagram lies on one. */
  readonly #lead: number;
  readonly #plan = new Int32Array(TX_ROWS * PLAN_FIELDS);
  readonly #state = new Int32Array(STATE_FIELDS);
  #spans = new Int32Array(0);
  /** Empty where the kernel sums. */
  #sums = new Int32Array(0);
  #name: string;
  #mtu: number;
  /** Since `start`. */
  #wasUp = false;
  #events: DeviceEvents | null = null;
  #refed = true;
  /** Rows wait for room. */
  #full = false;
  /** Why reading cannot go on; told by the next wake-up. */
  #failure: Error | null = null;
  /** `down` was told. */
  #ended = false;
  #closed = false;

  /** Opens, or makes, and configures. Errors: `TunError`, which says what to do; `RangeError` for impossible options. */
  static open(options: TunOptions = {}, addon: TunAddon = loadTunAddon()): TunDevice {
    return new TunDevice(openTun(options, addon), addon);
  }

  /** Takes over an opened handle. Users call `open`. */
  constructor(opened: OpenedTun, addon: TunAddon) {
    this.#addon = addon;
    this.#handle = opened.handle;
    this.#name = opened.name;
    this.#mtu = opened.mtu;
    this.#linkHeader = opened.linkHeader ? VNET_HEADER : 0;
    this.#lead = RX_LINK_ROOM - this.#linkHeader;
    // Without a link header the addon does what the kernel would: it sums while it writes, and while it reads.
    this.offload = { checksum: true, segmentMax: opened.linkHeader ? DATAGRAM_MAX : 0 };
  }

  get name(): string {
    return this.#name;
  }
  get mtu(): number {
    return this.#mtu;
  }

  /** Errors: `TunError` where the event loop cannot poll it. */
  start(events: DeviceEvents): void {
    this.#events = events;
    const started = this.#addon.start(this.#handle, (what, status) => {
      this.#told(what, status);
    });
    if (started < 0) throw tunError("epoll_ctl", -started, this.#name);
    const watching = this.#addon.watchLinks(this.#handle);
    if (watching < 0) throw tunError("netlink", -watching, this.#name);
    if (!this.#refed) this.#addon.unref(this.#handle);
    this.#addon.poll(this.#handle, EVENT_READABLE);
    this.#wasUp = this.#linkIsUp() ?? false;
  }

  /** @hot */
  read(rx: RxBatch): number {
    rx.clear();
    if (this.#ended || this.#closed) return 0;
    const header = this.#linkHeader;
    if (this.#spans.length !== rx.capacity * 2) {
      this.#spans = new Int32Array(rx.capacity * 2);
      if (header === 0) this.#sums = new Int32Array(rx.capacity);
    }
    const spans = this.#spans;
    const sums = this.#sums;
    const { bytes, view } = rx.frame;
    const rows = this.#addon.readBatch(this.#handle, bytes, rx.used, this.#lead, DATAGRAM_MAX + header, spans, sums);
    if (rows < 0) {
      this.#readFailed(-rows);
      return 0;
    }
    for (let i = 0; i < rows; i++) {
      const at = spans[2 * i];
      const end = spans[2 * i + 1];
      if (end - at <= header) this.counters.rxMalformed++;
      else if (header === 0) rx.push(at, end, sumVouches(bytes, at, end, sums[i]), 0);
      else rx.push(at + header, end, vnetVouches(view, at), vnetGsoSize(view, at));
    }
    this.counters.rxRows += rx.rows;
    return rx.rows;
  }

  /** @hot */
  write(tx: TxBatch): void {
    if (this.#ended || this.#closed) this.#lose(tx);
    while (tx.pending > 0 && !this.#full) {
      const rows = this.#planRows(tx);
      if (rows === 0) {
        this.counters.txUnfit++;
        tx.drop(1);
        continue;
      }
      const { pieceBytes, pieceAt, pieceLength } = tx;
      const plan = this.#plan;
      const result = this.#addon.writeBatch(this.#handle, tx.head.bytes, plan, rows, pieceBytes, pieceAt, pieceLength);
      const errno = result % WRITE_RESULT_ROWS;
      const written = (result - errno) / WRITE_RESULT_ROWS;
      this.counters.txRows += written;
      tx.drop(written);
      if (errno !== 0) this.#rowRefused(errno, tx);
    }
  }

  ref(): void {
    this.#refed = true;
    if (!this.#closed) this.#addon.ref(this.#handle);
  }

  unref(): void {
    this.#refed = false;
    if (!this.#closed) this.#addon.unref(this.#handle);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events = null;
    this.#addon.close(this.#handle);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Plans the rows from the front that this device takes, their link headers written; returns how many. */
  #planRows(tx: TxBatch): number {
    const plan = this.#plan;
    const header = this.#linkHeader;
    const rows = Math.min(tx.pending, TX_ROWS);
    for (let i = 0; i < rows; i++) {
      const row = tx.first + i;
      if (!this.#fits(tx, row)) return i;
      if (header > 0) putVnetHeader(tx, row);
      else completeUdpChecksum(tx, row);
      const at = i * PLAN_FIELDS;
      plan[at] = tx.headerAt(row) - header;
      plan[at + 1] = tx.headerLength[row] + header;
      plan[at + 2] = tx.firstPiece[row];
      plan[at + 3] = tx.pieceCount[row];
      plan[at + 4] = header > 0 ? 0 : tx.checksumFrom[row];
      plan[at + 5] = header > 0 ? 0 : tx.checksumAt[row];
    }
    return rows;
  }

  #fits(tx: TxBatch, row: number): boolean {
    if (tx.gsoSize[row] > 0) return this.#linkHeader > 0 && tx.length[row] <= DATAGRAM_MAX;
    return tx.length[row] <= this.#mtu;
  }

  /** The kernel has refused the row at the front. */
  #rowRefused(errno: number, tx: TxBatch): void {
    switch (errno) {
      case EAGAIN:
        this.#full = true;
        this.counters.txFull++;
        this.#addon.poll(this.#handle, EVENT_READABLE | EVENT_WRITABLE);
        return;
      case EIO: // The link is not up.
      case EBADFD: // The device was removed. The event loop is told of both by itself.
        this.#lose(tx);
        return;
      case ENOBUFS:
      case ENOMEM:
        // The kernel has no memory for this row and has waited for some in vain. Polling does not tell when it has: the device is
        // writable all the time, and asking again would spin. A link may lose a datagram; TCP then slows down, which is what helps.
        this.counters.txNoMemory++;
        tx.drop(1);
        return;
      default:
        this.counters.txRefused++;
        tx.drop(1);
    }
  }

  #lose(tx: TxBatch): void {
    this.counters.txNoLink += tx.pending;
    tx.drop(tx.pending);
  }

  #readFailed(errno: number): void {
    // A removed device answers EBADFD, its queue EFAULT (our buffer was checked); polling tells of it by itself.
    if (errno === EBADFD || errno === EFAULT) return;
    this.#failure = tunError("read", errno, this.#name);
    this.#addon.poll(this.#handle, EVENT_READABLE | EVENT_WRITABLE);
  }

  /** The event loop tells. */
  #told(what: number, status: number): void {
    if (this.#ended) return;
    const problem = this.#failure ?? this.#linkProblem(what, status);
    if (problem !== null) {
      this.#ended = true;
      this.#addon.poll(this.#handle, 0);
      this.#events?.down(problem);
      return;
    }
    if ((what & EVENT_WRITABLE) !== 0) {
      this.#full = false;
      this.#addon.poll(this.#handle, EVENT_READABLE);
      this.#events?.writable();
    }
    if ((what & EVENT_READABLE) !== 0) this.#events?.readable();
  }

  /** Why the device cannot go on, or `null`. */
  #linkProblem(what: number, status: number): Error | null {
    if (status >= 0 && (what & EVENT_LINK) === 0) return null;
    const isUp = this.#linkIsUp();
    if (isUp === null) return deviceRemoved(this.#name);
    if (!isUp && this.#wasUp) return linkDown(this.#name);
    this.#wasUp = isUp;
    return status < 0 ? tunError("poll", -status, this.#name) : null;
  }

  /** Asks the kernel, since notices are hints and may be lost; `null` where the device is gone. Name and MTU follow. */
  #linkIsUp(): boolean | null {
    const name = this.#addon.deviceName(this.#handle);
    if (typeof name === "number") return null;
    this.#name = name;
    // A device that was moved to another network namespace still carries datagrams; its link is then not ours to see.
    if (this.#addon.interfaceState(name, this.#state) < 0) return this.#wasUp;
    this.#mtu = this.#state[STATE_MTU];
    return (this.#state[STATE_FLAGS] & IFF_UP) !== 0;
  }
}

/** `TunDevice.open` for the usual case: `Stack.open({ device: tun("tun0"), … })`. */
export const tun = (name: string, options: Omit<TunOptions, "name" | "fd"> = {}): TunDevice =>
  TunDevice.open({ ...options, name });
