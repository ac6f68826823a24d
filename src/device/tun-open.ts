import {
  IFF_MULTI_QUEUE,
  IFF_NO_PI,
  IFF_TUN,
  IFF_VNET_HDR,
  TUN_F_CSUM,
  TUN_F_TSO4,
  TUN_F_TSO6,
  type TunAddon,
} from "./tun-addon.ts";
import { EINVAL, TunError, tunError } from "./tun-errors.ts";
import {
  checkInterfaceName,
  checkInterfaceSettings,
  configureInterface,
  interfaceState,
  type InterfaceSettings,
  lengthenQueue,
} from "./tun-interface.ts";
import { VNET_HEADER } from "./tun-vnet.ts";

/**
 * What to open, and how the kernel's side of it shall be; what is left out of that stays as it is, but for `queueLength`: a queue
 * shorter than `QUEUE_LENGTH` is lengthened to it where the user may, unless somebody else has attached the descriptor.
 */
export interface TunOptions extends InterfaceSettings {
  /** "tun0"; made where it is missing. "" and "tun%d" let the kernel choose. Default "". */
  readonly name?: string;
  /** A descriptor attached by somebody else (a supervisor, say), instead of `name`. It is ours from here on, and closed
   *  where opening fails. */
  readonly fd?: number;
  /** Whether to exchange super-segments and unfinished checksums with the kernel where it can. Default true. */
  readonly offload?: boolean;
  /** Whether this is one of several queues of the device, each opened on its own. Default false. */
  readonly multiQueue?: boolean;
}

/** A handle of the addon that is attached to a device, and what was found out about it. */
export interface OpenedTun {
  readonly handle: number;
  readonly name: string;
  readonly mtu: number;
  /** Whether a virtio_net_hdr stands in front of each datagram. */
  readonly linkHeader: boolean;
}

/** What the kernel may leave undone in what it hands over; an older one is asked for less and less. */
const OFFLOADS = [TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6, TUN_F_CSUM | TUN_F_TSO4, TUN_F_CSUM, 0];

/** Opens or adopts, attaches and configures. Errors: `TunError`, `RangeError`; nothing stays open then. */
export function openTun(options: TunOptions, addon: TunAddon): OpenedTun {
  checkInterfaceSettings(options);
  checkInterfaceName(options.name ?? "");
  const { fd } = options;
  const handle = fd === undefined ? addon.open() : addon.adopt(fd);
  if (handle < 0) throw tunError(fd === undefined ? "open" : "fcntl", -handle, options.name ?? "");
  try {
    const linkHeader = fd === undefined ? attach(handle, options, addon) : adoptedHeader(handle, addon);
    const name = addon.deviceName(handle);
    if (typeof name === "number") throw tunError("TUNGETIFF", -name, options.name ?? "");
    if (fd === undefined && options.queueLength === undefined) lengthenQueue(name, addon);
    configureInterface(name, options, addon);
    const state = interfaceState(name, addon);
    if (state === null) throw new TunError(`${name}: it lies in another network namespace`, "ENODEV", 0, "SIOCGIFMTU");
    return { handle, name, mtu: state.mtu, linkHeader };
  } catch (error) {
    addon.close(handle);
    throw error;
  }
}

/** Returns whether there is a link header. */
function attach(handle: number, options: TunOptions, addon: TunAddon): boolean {
  const name = options.name ?? "";
  const flags = IFF_TUN | IFF_NO_PI | (options.multiQueue === true ? IFF_MULTI_QUEUE : 0);
  const wanted = options.offload ?? true;
  let result = addon.attach(handle, name, wanted ? flags | IFF_VNET_HDR : flags);
  let linkHeader = wanted;
  if (wanted && result === -EINVAL) {
    linkHeader = false;
    result = addon.attach(handle, name, flags);
  }
  if (result < 0) throw tunError("TUNSETIFF", -result, name);
  setOffload(handle, linkHeader, name, addon);
  return linkHeader;
}

/** Both settings stay with a persistent device, so each opening says what it wants. */
function setOffload(handle: number, linkHeader: boolean, name: string, addon: TunAddon): void {
  if (linkHeader) {
    const result = addon.setHeaderLength(handle, VNET_HEADER);
    if (result < 0) throw tunError("TUNSETVNETHDRSZ", -result, name);
  }
  for (const bits of linkHeader ? OFFLOADS : [0]) {
    const result = addon.setOffload(handle, bits);
    if (result >= 0) return;
    if (bits === 0 || result !== -EINVAL) throw tunError("TUNSETOFFLOAD", -result, name);
  }
}

/** Of a descriptor that somebody else attached: as they chose, with the length of header that we know. */
function adoptedHeader(handle: number, addon: TunAddon): boolean {
  const flags = addon.deviceFlags(handle);
  if (flags < 0) throw tunError("TUNGETIFF", -flags, "");
  if ((flags & IFF_NO_PI) === 0 || (flags & IFF_TUN) === 0) {
    throw new TunError("an adopted descriptor is of a TUN opened with IFF_NO_PI", "EINVAL", -EINVAL, "TUNGETIFF");
  }
  const linkHeader = (flags & IFF_VNET_HDR) !== 0;
  setOffload(handle, linkHeader, "", addon);
  return linkHeader;
}
