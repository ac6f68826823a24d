import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

import { loadTunAddon, type TunAddon } from "./tun-addon.ts";
import { setupPath, TunError, tunError } from "./tun-errors.ts";

/** One thing that TUN needs, for people (`fourtuple doctor`). */
export interface TunCheck {
  readonly name: "platform" | "addon" | "device" | "privilege" | "namespace";
  readonly ok: boolean;
  /** What was found; where it is not well, also what to do. */
  readonly text: string;
}

/** What can be done with TUN devices here, and why not. Data for people and for decisions; asking changes nothing. */
export interface TunAvailability {
  /** `TunDevice.open` can attach to a device that this user owns (`tun-up.sh` makes one). */
  readonly attach: boolean;
  /** It can make and configure devices too. */
  readonly make: boolean;
  /** An unprivileged user and network namespace can have one: `fourtuple sandbox` works. */
  readonly sandbox: boolean;
  readonly checks: readonly TunCheck[];
}

/** CAP_NET_ADMIN's bit, `linux/capability.h`. */
const CAP_NET_ADMIN = 12n;
/** A healthy `unshare` takes some 10 ms. */
const UNSHARE_TIMEOUT_MS = 10_000;

/** How a private user and network namespace is entered, in which the caller is root: what follows is the command. */
export const UNSHARE: readonly string[] = ["unshare", "--user", "--map-root-user", "--net", "--"];

function addonCheck(): { addon: TunAddon | null; check: TunCheck } {
  try {
    return { addon: loadTunAddon(), check: { name: "addon", ok: true, text: "the TUN addon loads" } };
  } catch (error) {
    if (!(error instanceof TunError)) throw error;
    return { addon: null, check: { name: "addon", ok: false, text: error.message } };
  }
}

function deviceCheck(addon: TunAddon): TunCheck {
  const handle = addon.open();
  if (handle < 0) return { name: "device", ok: false, text: tunError("open", -handle, "").message };
  addon.close(handle);
  return { name: "device", ok: true, text: "/dev/net/tun opens" };
}

function privilegeCheck(): TunCheck {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  const ok = ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 1n;
  const text = ok
    ? "may make and configure devices (CAP_NET_ADMIN)"
    : `may only attach to devices made for this user (\`sudo ${setupPath("tun-up.sh")} tun0 $USER\`), or use a sandbox`;
  return { name: "privilege", ok, text };
}

/** Tries it, in a process of its own: policy lies in sysctls, AppArmor, seccomp and the mode of /dev/net/tun. */
export function namespaceCheck(): TunCheck {
  const [command = "", ...before] = UNSHARE;
  const probe = "exec 3<>/dev/net/tun";
  const run = (script: string): { ok: boolean; said: string } => {
    const { error, status, stderr } = spawnSync(command, [...before, "sh", "-c", script], {
      encoding: "utf8",
      timeout: UNSHARE_TIMEOUT_MS,
    });
    return { ok: status === 0, said: error?.message ?? stderr.trim() };
  };
  const whole = run(probe);
  if (whole.ok) return { name: "namespace", ok: true, text: "a private user and network namespace can open a TUN" };
  const bare = run(":");
  const text = bare.ok
    ? `/dev/net/tun does not open inside a user namespace (${whole.said}); \`sudo chmod 0666 /dev/net/tun\``
    : `user namespaces are not allowed (${bare.said}); see kernel.unprivileged_userns_clone, ` +
      "kernel.apparmor_restrict_unprivileged_userns and user.max_user_namespaces of `sysctl`";
  return { name: "namespace", ok: false, text };
}

/** Whether TUN devices can be used here and what is missing. Never throws; runs `unshare` for some 10 ms. */
export function tunAvailability(): TunAvailability {
  if (process.platform !== "linux") {
    const text = `TUN devices need Linux, this is ${process.platform}`;
    return { attach: false, make: false, sandbox: false, checks: [{ name: "platform", ok: false, text }] };
  }
  const { addon, check } = addonCheck();
  const device = addon === null ? null : deviceCheck(addon);
  const privilege = privilegeCheck();
  const namespace = namespaceCheck();
  const attach = device?.ok ?? false;
  return {
    attach,
    make: attach && privilege.ok,
    sandbox: addon !== null && namespace.ok,
    checks: [check, ...(device === null ? [] : [device]), privilege, namespace],
  };
}
