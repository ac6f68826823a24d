import { beside } from "./command.ts";
import type { Role } from "./servers/roles.ts";
import { type Link, PREFIX_LENGTH, TUN, VETH, type World } from "./world.ts";

/** One who is measured: how its servers are started, and across which link they answer. */
export interface Subject {
  readonly name: string;
  readonly link: Link;
  /** Shape: a command and its arguments. */
  command(role: Role, world: World): readonly string[];
}

const typescript = beside("../../test/support/typescript.mjs", import.meta.url);
const DIST = beside("../../dist", import.meta.url);

/** `node` with what `BENCH_NODE_OPTIONS` adds (a profiler's, say); the files of this folder are TypeScript. */
function node(file: string, args: readonly string[]): readonly string[] {
  const extra = (process.env["BENCH_NODE_OPTIONS"] ?? "").split(" ").filter((option) => option !== "");
  return [process.execPath, ...extra, "--import", typescript, beside(file, import.meta.url), ...args];
}

/** Our stack as built into `dist`, on the TUN: its process stays in the load's namespace, where it opens the device. */
export const fourtuple = (dist = DIST): Subject => ({
  name: "fourtuple",
  link: TUN,
  command: (role) => node("servers/fourtuple.ts", [role, dist, TUN.device, `${TUN.server}/${String(PREFIX_LENGTH)}`]),
});

/** `node:net` and `node:http` on the kernel's TCP, across the veth pair. */
export const nodeKernel: Subject = {
  name: "node",
  link: VETH,
  command: (role, world) => [...world.inServers, ...node("servers/node.ts", [role])],
};
