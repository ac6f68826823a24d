import { spawnSync } from "node:child_process";

import { configureInterface, persistTun, removeTun } from "../device/tun-interface.ts";
import { parseAddress, parsePrefix } from "../sockets/address-text.ts";
import { COMMON_HELP, type Command } from "./command.ts";
import { addressText, expectWords, integer, parseOptions, prefixText, UsageError } from "./usage.ts";

const HELP = `fourtuple tun up NAME [--user USER] [--address PREFIX [--peer ADDRESS]] [--mtu OCTETS]
fourtuple tun down NAME

"up" makes a TUN device that stays when this process ends, and brings it up; "down" removes it.
Both take CAP_NET_ADMIN (root).

  --user USER         may attach to it without privileges; a name or a number
  --address PREFIX    the kernel's own address on it, as 198.18.0.1/24
  --peer ADDRESS      the address at the other end, as 198.18.0.2
  --mtu OCTETS        68 to 65535
${COMMON_HELP}

  sudo fourtuple tun up tun0 --user $USER --address 198.18.0.1/24
`;

const OPTIONS = {
  user: { type: "string" },
  address: { type: "string" },
  peer: { type: "string" },
  mtu: { type: "string" },
} as const;

/** Highest user id: the one above stands for "none". */
const UID_MAX = 0xffff_fffe;

function userId(user: string): number {
  if (/^\d+$/.test(user)) return integer("--user", user, 0, UID_MAX);
  const { status, stdout } = spawnSync("id", ["-u", "--", user], { encoding: "utf8" });
  if (status !== 0) throw new UsageError(`--user ${user}: there is no such user`);
  return Number(stdout);
}

interface Values {
  readonly user?: string | undefined;
  readonly address?: string | undefined;
  readonly peer?: string | undefined;
  readonly mtu?: string | undefined;
}

function up(name: string, values: Values): string {
  const { user, address, peer, mtu } = values;
  if (peer !== undefined && address === undefined) throw new UsageError("--peer needs --address");
  const own = address === undefined ? null : parsePrefix(prefixText("--address", address));
  const other = peer === undefined ? null : parseAddress(addressText("--peer", peer));
  const settings = {
    ...(own ?? {}),
    ...(typeof other === "number" ? { peer: other } : {}),
    ...(mtu === undefined ? {} : { mtu: integer("--mtu", mtu, 68, 65_535) }),
    up: true,
  };
  const made = persistTun(name, user === undefined ? {} : { owner: userId(user) });
  configureInterface(made, settings);
  return `${made} is up`;
}

function down(name: string, values: Values): string {
  const given = Object.keys(values).filter((option) => option !== "verbose");
  if (given.length > 0) throw new UsageError(`tun down takes a name alone, not --${given.join(", --")}`);
  return removeTun(name) ? `${name} is removed` : `there is no ${name}`;
}

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions("tun", args, OPTIONS);
  const [what, name] = positionals;
  expectWords("tun", positionals, 2);
  if (positionals.length < 2 || (what !== "up" && what !== "down")) {
    throw new UsageError("the form is `fourtuple tun up NAME` or `fourtuple tun down NAME`");
  }
  process.stdout.write(`${what === "up" ? up(name, values) : down(name, values)}\n`);
  return Promise.resolve(0);
}

export const tunCommand: Command = {
  name: "tun",
  summary: "make or remove a TUN device: tun up, tun down",
  help: HELP,
  run,
};
