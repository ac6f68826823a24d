/**
 * Who may import whom: the table of `docs/architecture.md` as data. A folder imports itself and what its row names.
 *
 * `folders`: folders of `src/`; "all above" is written out. `node`: whether modules of Node are allowed. `packages`: npm packages.
 * `files`: rows of single files that do what the rest of their folder must not.
 */

const CORES = ["base", "wire", "ipv4", "icmp", "udp", "tcp"];
const BELOW_STACK = [...CORES, "device"];
const SOCKETS = ["base", "stack"];
const OVER_SOCKETS = ["base", "sockets"];
const BELOW_HOST = [...BELOW_STACK, "stack", "sockets", "dns", "tls", "http"];

export const EDGES = {
  base: { folders: [] },
  wire: { folders: ["base"] },
  device: { folders: ["base"], node: true, packages: ["node-gyp-build"] },
  ipv4: { folders: ["base", "wire"] },
  icmp: { folders: ["base", "wire"] },
  udp: { folders: ["base", "wire"] },
  tcp: { folders: ["base", "wire"] },
  stack: { folders: BELOW_STACK },
  sockets: { folders: SOCKETS, node: true, packages: ["ipaddr.js"] },
  dns: { folders: OVER_SOCKETS, node: true, packages: ["dns-packet"] },
  tls: { folders: OVER_SOCKETS, node: true, packages: ["asn1js"] },
  http: { folders: OVER_SOCKETS, node: true },
  host: { folders: BELOW_HOST, node: true, packages: ["ipaddr.js", "pino"] },
  sim: { folders: [...BELOW_HOST, "host"], node: true },
  inspect: { folders: [...BELOW_HOST, "host", "sim"], node: true },
  cli: { folders: [...BELOW_HOST, "host", "sim", "inspect", "index.ts"], node: true, packages: ["ipaddr.js", "pino"] },
  "index.ts": { folders: [...BELOW_HOST, "host", "sim", "inspect"] },
};

/** The driver's side of `stack/` owns the clock, randomness and the device: only these files may ask Node for them. */
export const FILE_EDGES = {
  "stack/driver.ts": { folders: BELOW_STACK, node: true },
  "stack/crypto-random.ts": { folders: BELOW_STACK, node: true },
  "stack/event-loop-timebase.ts": { folders: BELOW_STACK, node: true },
};
