import { relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { getSystemErrorName } from "node:util";

/** errno of Linux that we act on; the numbers are those of every architecture that Node runs on, MIPS and SPARC aside. */
export const EPERM = 1;
export const ENOENT = 2;
export const EIO = 5;
export const ENXIO = 6;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EFAULT = 14;
export const EBUSY = 16;
export const ENODEV = 19;
export const EINVAL = 22;
export const EMFILE = 24;
export const EBADFD = 77;
export const ENOBUFS = 105;

/**
 * Why something with a TUN device failed, and what to do about it.
 *
 * `code` is the errno's name ("EPERM"), or `ERR_TUN_ADDON` (the addon is missing), `ERR_TUN_DOWN` (the link was set down),
 * `ERR_TUN_REMOVED` (the device is gone). `errno` is negative as Node's are; 0 where no system call failed. `syscall` is
 * the call, or the ioctl's name.
 */
export class TunError extends Error {
  override readonly name = "TunError";
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;

  constructor(message: string, code: string, errno: number, syscall: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}

/** "EPERM" of 1. Node does not know EBADFD, which Linux has for TUN devices that are gone. */
const errnoName = (errno: number): string => (errno === EBADFD ? "EBADFD" : getSystemErrorName(-errno));

/** How a person calls a file of `native-setup` from where they are. */
export function setupPath(file: string): string {
  const path = fileURLToPath(new URL(`../../native-setup/${file}`, import.meta.url));
  const near = relative(process.cwd(), path);
  return near.startsWith(`..${sep}..`) ? path : near;
}

const onceByRoot = (name: string): string =>
  `run as root, or \`sudo ${setupPath("tun-up.sh")} ${name || "tun0"} $USER\` once`;

/** What to do about `errno` of `syscall` on device `name`; null where we know nothing better than the errno's name. */
function advice(syscall: string, errno: number, name: string): string | null {
  if (syscall === "open") return openAdvice(errno);
  switch (errno) {
    case EPERM:
      return `not permitted; ${onceByRoot(name)}`;
    case EBUSY:
      return `busy: another process has ${name} attached; stop it, or open the device with multiQueue on both sides`;
    case EINVAL:
      if (syscall !== "TUNSETIFF") return null;
      return `refused: ${name} is not a TUN device, or it was made with the other multiQueue setting; \`ip -details link show ${name}\` tells`;
    case ENODEV:
    case ENXIO:
      return "there is no such interface in this network namespace";
    default:
      return null;
  }
}

function openAdvice(errno: number): string | null {
  switch (errno) {
    case EACCES:
      return `permission denied; ${onceByRoot("tun0")}, or \`sudo chmod 0666 /dev/net/tun\` (Debian's default)`;
    case EPERM:
      return "not permitted; a container needs `--device /dev/net/tun` (and `--cap-add NET_ADMIN` to make devices)";
    case ENOENT:
      return "missing; `sudo modprobe tun`, or in a container `--device /dev/net/tun`";
    case ENODEV:
    case ENXIO:
      return "the kernel has no TUN driver; `sudo modprobe tun`";
    case EMFILE:
      return "too many open files; raise `ulimit -n` or close some";
    default:
      return null;
  }
}

/** Of a call that failed with `errno` (positive) on `name`; `open` is about /dev/net/tun itself. */
export function tunError(syscall: string, errno: number, name: string): TunError {
  const code = errnoName(errno);
  const subject = syscall === "open" ? "/dev/net/tun" : name || "tun";
  const known = advice(syscall, errno, name);
  const text = known ?? `${syscall} failed with ${code}`;
  return new TunError(`${subject}: ${text}`, code, -errno, syscall);
}

export const addonMissing = (cause: unknown): TunError =>
  new TunError(
    "the TUN addon was not built: it needs Linux, python3, make and a C compiler; then run `npm rebuild fourtuple`; " +
      "`npx fourtuple doctor` says what is missing",
    "ERR_TUN_ADDON",
    0,
    "load",
    { cause },
  );

export const linkDown = (name: string): TunError =>
  new TunError(
    `${name}: the link was set down; \`ip link set ${name} up\`, then open it again`,
    "ERR_TUN_DOWN",
    -EIO,
    "poll",
  );

export const deviceRemoved = (name: string): TunError =>
  new TunError(`${name}: the device was removed`, "ERR_TUN_REMOVED", -EBADFD, "poll");
