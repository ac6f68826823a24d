import { type Address, toAddress } from "../base/address.ts";
import {
  IFF_MULTI_QUEUE,
  IFF_NO_PI,
  IFF_TUN,
  IFF_UP,
  loadTunAddon,
  SET_ADDRESS,
  SET_MTU,
  SET_NETMASK,
  SET_PEER,
  SET_QUEUE_LENGTH,
  SET_UP,
  STATE_ADDRESS,
  STATE_FIELDS,
  STATE_FLAGS,
  STATE_INDEX,
  STATE_MTU,
  STATE_NETMASK,
  STATE_PEER,
  STATE_QUEUE_LENGTH,
  type TunAddon,
} from "./tun-addon.ts";
import { TunError, tunError } from "./tun-errors.ts";

/** Octets of an interface's name, its NUL not counted: IFNAMSIZ - 1. */
export const INTERFACE_NAME_MAX = 15;

/**
 * Frames that the kernel keeps for whoever reads a TUN of ours. Its own 500 are few: it drops what does not fit, and a thousand
 * busy connections bring more than that between two of our turns. Of full-sized super-segments it is 256 MiB.
 */
export const QUEUE_LENGTH = 4096;
/** The kernel makes an array of so many pointers for each of a TUN's queues. */
const QUEUE_LENGTH_MAX = 1 << 20;

/** The kernel's side of a link. What is left out stays as it is. */
export interface InterfaceSettings {
  /** The kernel's own address on the link (not the stack's). */
  readonly address?: Address;
  /** Of `address`: the network that is reached through the link. 32 where left out. */
  readonly prefixLength?: number;
  /** The address at the other end: the stack's. */
  readonly peer?: Address;
  /** In octets. */
  readonly mtu?: number;
  /** Frames that may wait to leave by the interface (`txqueuelen`), at least 1; the kernel drops what comes beyond. */
  readonly queueLength?: number;
  readonly up?: boolean;
}

export interface InterfaceState {
  readonly index: number;
  /** The kernel's IFF_ bits. */
  readonly flags: number;
  readonly up: boolean;
  readonly mtu: number;
  /** In frames. */
  readonly queueLength: number;
  /** `null` where it has none. */
  readonly address: Address | null;
  readonly peer: Address | null;
  readonly prefixLength: number | null;
}

/** Errors: `TunError` with code `EINVAL` unless the kernel would take `name`; "" and "tun%d" let it choose. */
export function checkInterfaceName(name: string): void {
  const octets = new TextEncoder().encode(name).length;
  if (octets > INTERFACE_NAME_MAX) {
    const problem = `an interface's name has at most ${String(INTERFACE_NAME_MAX)} octets, this one ${String(octets)}`;
    throw new TunError(`${name}: ${problem}`, "EINVAL", 0, "TUNSETIFF");
  }
  if (name === "." || name === ".." || /[\s/:\0]/.test(name)) {
    throw new TunError(
      `"${name}": an interface's name has no slash, colon or blank and is not "." or ".."`,
      "EINVAL",
      0,
      "TUNSETIFF",
    );
  }
}

/** Errors: `RangeError`: the caller gave what no interface can have. */
export function checkInterfaceSettings(settings: InterfaceSettings): void {
  const { address, prefixLength, mtu, queueLength } = settings;
  const within = (value: number | undefined, least: number, most: number, what: string): void => {
    if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return;
    throw new RangeError(`${what} is an integer from ${String(least)} to ${String(most)}, not ${String(value)}`);
  };
  within(prefixLength, 0, 32, "prefixLength");
  within(mtu, 68, 65_535, "mtu"); // 68: RFC 791 §3.2, what every link must carry.
  within(queueLength, 1, QUEUE_LENGTH_MAX, "queueLength");
  if (prefixLength !== undefined && address === undefined) throw new RangeError("prefixLength needs address");
  if (settings.peer !== undefined && address === undefined) throw new RangeError("peer needs address");
}

const netmaskOf = (prefixLength: number): number => (prefixLength === 0 ? 0 : -1 << (32 - prefixLength));

/**
 * Sets an interface of this network namespace (a TUN, `lo`): address first, since it resets the others, and up last.
 *
 * Errors: `TunError` (EPERM without CAP_NET_ADMIN, ENODEV), `RangeError`. Earlier settings stay where a later one fails.
 */
export function configureInterface(name: string, settings: InterfaceSettings, addon: TunAddon = loadTunAddon()): void {
  checkInterfaceName(name);
  checkInterfaceSettings(settings);
  const set = (syscall: string, what: number, value: number): void => {
    const result = addon.interfaceSet(name, what, value);
    if (result < 0) throw tunError(syscall, -result, name);
  };
  if (settings.address !== undefined) {
    set("SIOCSIFADDR", SET_ADDRESS, settings.address);
    set("SIOCSIFNETMASK", SET_NETMASK, netmaskOf(settings.prefixLength ?? 32));
  }
  if (settings.peer !== undefined) set("SIOCSIFDSTADDR", SET_PEER, settings.peer);
  if (settings.mtu !== undefined) set("SIOCSIFMTU", SET_MTU, settings.mtu);
  if (settings.queueLength !== undefined) set("RTM_NEWLINK", SET_QUEUE_LENGTH, settings.queueLength);
  if (settings.up !== undefined) set("SIOCSIFFLAGS", SET_UP, settings.up ? 1 : 0);
}

/** The interface as it is, or `null` where this network namespace has none of that name. Errors: `TunError`. */
export function interfaceState(name: string, addon: TunAddon = loadTunAddon()): InterfaceState | null {
  checkInterfaceName(name);
  const state = new Int32Array(STATE_FIELDS);
  const result = addon.interfaceState(name, state);
  if (result < 0) {
    const error = tunError("SIOCGIFFLAGS", -result, name);
    if (error.code === "ENODEV") return null;
    throw error;
  }
  const address = state[STATE_ADDRESS] === 0 ? null : toAddress(state[STATE_ADDRESS]);
  return {
    index: state[STATE_INDEX],
    flags: state[STATE_FLAGS],
    up: (state[STATE_FLAGS] & IFF_UP) !== 0,
    mtu: state[STATE_MTU],
    queueLength: state[STATE_QUEUE_LENGTH],
    address,
    peer: address === null || state[STATE_PEER] === 0 ? null : toAddress(state[STATE_PEER]),
    prefixLength: address === null ? null : Math.clz32(~state[STATE_NETMASK]),
  };
}

/**
 * Gives a TUN at least `QUEUE_LENGTH` frames of queue; a longer one stays. That it fails is no error and is not counted: whoever
 * only attaches to a device may not (EPERM), and a short queue costs speed under load, nothing else. `interfaceState` tells.
 */
export function lengthenQueue(name: string, addon: TunAddon): void {
  const state = interfaceState(name, addon);
  if (state !== null && state.queueLength < QUEUE_LENGTH) addon.interfaceSet(name, SET_QUEUE_LENGTH, QUEUE_LENGTH);
}

export interface PersistOptions {
  /** Numeric id of the user who may attach without privileges; anybody with CAP_NET_ADMIN may anyway. */
  readonly owner?: number;
  /** Numeric id of the group whose members may attach. */
  readonly group?: number;
  /** Whether several may attach at once, one queue each. They all must ask for it. */
  readonly multiQueue?: boolean;
}

/** Opens, attaches, hands `use` the handle, closes. */
function withDevice(name: string, multiQueue: boolean, addon: TunAddon, use: (handle: number) => void): void {
  checkInterfaceName(name);
  const handle = addon.open();
  if (handle < 0) throw tunError("open", -handle, name);
  try {
    const attached = addon.attach(handle, name, IFF_TUN | IFF_NO_PI | (multiQueue ? IFF_MULTI_QUEUE : 0));
    if (attached < 0) throw tunError("TUNSETIFF", -attached, name);
    use(handle);
  } finally {
    addon.close(handle);
  }
}

/**
 * Makes the device (where it is missing) outlive the process, and names who may attach. Returns its name: the kernel
 * chooses one for "" and "tun%d". Errors: `TunError` (EPERM without CAP_NET_ADMIN, EBUSY while somebody is attached).
 */
export function persistTun(name: string, options: PersistOptions = {}, addon: TunAddon = loadTunAddon()): string {
  let made = name;
  withDevice(name, options.multiQueue ?? false, addon, (handle) => {
    const result = addon.persist(handle, 1, options.owner ?? -1, options.group ?? -1);
    if (result < 0) throw tunError("TUNSETPERSIST", -result, name);
    made = String(addon.deviceName(handle));
    lengthenQueue(made, addon);
  });
  return made;
}

/**
 * Removes a persistent device. Returns false where there was none.
 * Errors: `TunError` (EPERM, EBUSY while somebody is attached, EINVAL where `name` is not a TUN).
 */
export function removeTun(name: string, addon: TunAddon = loadTunAddon()): boolean {
  if (interfaceState(name, addon) === null) return false;
  const remove = (handle: number): void => {
    const result = addon.persist(handle, 0, -1, -1);
    if (result < 0) throw tunError("TUNSETPERSIST", -result, name);
  };
  try {
    withDevice(name, false, addon, remove);
  } catch (error) {
    if (!(error instanceof TunError) || error.code !== "EINVAL") throw error;
    withDevice(name, true, addon, remove); // The kernel insists on the setting that it was made with.
  }
  return true;
}
