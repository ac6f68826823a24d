import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

import { addonMissing } from "./tun-errors.ts";

/** The kernel's flags of TUNSETIFF, `linux/if_tun.h`. */
export const IFF_TUN = 0x0001;
export const IFF_MULTI_QUEUE = 0x0100;
export const IFF_NO_PI = 0x1000;
export const IFF_VNET_HDR = 0x4000;
/** The kernel's bits of TUNSETOFFLOAD: what it may leave undone in what it hands over. */
export const TUN_F_CSUM = 1;
export const TUN_F_TSO4 = 2;
export const TUN_F_TSO6 = 4;
/** An interface's flag, `net/if.h`: set up by its administrator. */
export const IFF_UP = 0x0001;

/** What a callback tells, and the mask of `poll`. */
export const EVENT_READABLE = 1;
export const EVENT_WRITABLE = 2;
export const EVENT_LINK = 4;

/** Where `interfaceState` puts what. */
export const STATE_INDEX = 0;
export const STATE_FLAGS = 1;
export const STATE_MTU = 2;
export const STATE_ADDRESS = 3;
export const STATE_PEER = 4;
export const STATE_NETMASK = 5;
/** In frames. */
export const STATE_QUEUE_LENGTH = 6;
export const STATE_FIELDS = 7;

/** What `interfaceSet` sets. */
export const SET_ADDRESS = 0;
export const SET_PEER = 1;
export const SET_NETMASK = 2;
export const SET_MTU = 3;
export const SET_UP = 4;
export const SET_QUEUE_LENGTH = 5;

/**
 * Int32 fields of one row in `writeBatch`'s plan: where its head lies, the head's length, first piece, number of pieces; then
 * where in the head the checksum's range begins and its field stands, both 0 where there is none to complete.
 */
export const PLAN_FIELDS = 6;
/** `writeBatch` returns rows * this + errno. */
export const WRITE_RESULT_ROWS = 4096;

/**
 * The addon, `native-setup/`. Where a comment says nothing else, a call returns 0 or -errno. It throws only where arguments
 * are wrong: a closed handle, a range outside its buffer.
 */
export interface TunAddon {
  /** Opens /dev/net/tun. A handle (0 or more), or -errno. */
  open(): number;
  /** Takes over an open descriptor. A handle (0 or more), or -errno. */
  adopt(fd: number): number;
  attach(handle: number, name: string, flags: number): number;
  setHeaderLength(handle: number, octets: number): number;
  setOffload(handle: number, bits: number): number;
  /** `uid` and `gid` of -1 stay as they are. */
  persist(handle: number, on: number, uid: number, gid: number): number;
  /** The device's name of now, or -errno. */
  deviceName(handle: number): string | number;
  /** The IFF_ bits of `attach`, or -errno. */
  deviceFlags(handle: number): number;
  close(handle: number): void;
  start(handle: number, tell: (events: number, status: number) => void): number;
  poll(handle: number, events: number): number;
  watchLinks(handle: number): number;
  ref(handle: number): void;
  unref(handle: number): void;
  /** Rows read, or -errno. Row i is `slab[spans[2i], spans[2i + 1])`; `sums[i]` is the sum of its octets, unless `sums` is empty. */
  readBatch(
    handle: number,
    slab: Uint8Array,
    from: number,
    lead: number,
    room: number,
    spans: Int32Array,
    sums: Int32Array,
  ): number;
  /** Rows written * `WRITE_RESULT_ROWS` + errno of the first refused one (0: none was). */
  writeBatch(
    handle: number,
    head: Uint8Array,
    plan: Int32Array,
    rows: number,
    pieceBytes: readonly (Uint8Array | null)[],
    pieceAt: Int32Array,
    pieceLength: Int32Array,
  ): number;
  /** Fills the `STATE_` fields; addresses in host order, 0 where there is none. */
  interfaceState(name: string, into: Int32Array): number;
  interfaceSet(name: string, what: number, value: number): number;
  /** The one's-complement sum of `bytes[at, end)`, folded to 16 bits: `sumOctets(bytes, at, end, 0)` at memory speed. */
  sum(bytes: Uint8Array, at: number, end: number): number;
}

/** The folder of the package: two above this file, in `src` and in `dist`. */
export const packageRoot = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Loads the addon: prebuilt, or built by the package's install script. Node keeps what was loaded.
 *
 * Errors: `TunError` with code `ERR_TUN_ADDON`, which says how to build it.
 */
export function loadTunAddon(): TunAddon {
  const load = createRequire(import.meta.url)("node-gyp-build") as (root: string) => TunAddon;
  try {
    return load(packageRoot);
  } catch (cause) {
    throw addonMissing(cause);
  }
}
