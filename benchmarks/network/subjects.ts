import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { beside, DIST, isInstalled, node } from "./command.ts";
import { BACKLOG, BODY, PORT, READY, type Role } from "./servers/roles.ts";
import type { TlsRole } from "../tls/roles.ts";
import type { TlsSubjectName } from "../tls/subject-names.ts";
import { type Link, PLAIN_TUN, PREFIX_LENGTH, TUN, VETH, type World } from "./world.ts";

export type SubjectName = "fourtuple" | "node" | "nginx" | "fourtuple-plain" | "c-fake" | TlsSubjectName;

/** One who is measured: how its servers are started, and across which link they answer. */
export interface Subject {
  readonly name: SubjectName;
  readonly link: Link;
  /** Whether each connection needs a descriptor of the server's, of which a process may have `descriptorsMax`. */
  readonly usesDescriptors: boolean;
  /** Why it cannot be had here; null where it can. */
  readonly missing: string | null;
  /** Shape: a command and its arguments. `nodeOptions` goes to Node where it is one; `folder` is for files that it wants. */
  command(role: Role | TlsRole, place: Place, nodeOptions: readonly string[]): readonly string[];
}

/** Where a server runs: `folder` holds what was compiled, and may be written to. */
export interface Place {
  readonly world: World;
  readonly folder: string;
}

const server = (file: string): string => beside(`servers/${file}`, import.meta.url);

/** Our stack as built into `dist`, on a TUN: its process stays in the load's namespace, where it opens the device. */
const ours = (name: SubjectName, link: Link, kind: "offload" | "plain", dist: string): Subject => ({
  name,
  link,
  usesDescriptors: false,
  missing: null,
  command: (role, _place, options) =>
    node(server("fourtuple.ts"), [role, dist, link.device, `${link.server}/${PREFIX_LENGTH}`, kind], options),
});

/** `node:net` and `node:http` on the kernel's TCP, across the veth pair. */
const nodeKernel: Subject = {
  name: "node",
  link: VETH,
  usesDescriptors: true,
  missing: null,
  command: (role, { world }, options) => [...world.inServers, ...node(server("node.ts"), [role], options)],
};

/** One process, which is what one worker costs: as root of a user namespace nginx could not become another user for a worker. */
const nginxConfiguration = (folder: string): string => `
daemon off;
master_process off;
user root root;
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 16384; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 3600;
  client_body_temp_path ${folder}/nginx-temporary;
  proxy_temp_path ${folder}/nginx-temporary;
  fastcgi_temp_path ${folder}/nginx-temporary;
  uwsgi_temp_path ${folder}/nginx-temporary;
  scgi_temp_path ${folder}/nginx-temporary;
  server {
    listen ${PORT} backlog=${BACKLOG};
    default_type text/plain;
    location / { return 200 "${new TextDecoder().decode(BODY)}"; }
  }
}
`;

/**
 * What a server of ours does by itself, done for nginx by a shell that becomes it: it says when the port listens (state 0A in
 * proc(5)'s list, the port in hexadecimal), and is ended with its standard input.
 */
const NGINX = `
exec 3<&0
{
  until grep -q ":$1 .* 0A " /proc/self/net/tcp; do sleep 0.02; kill -0 $$ 2>/dev/null || exit; done
  printf '%s' "$2"
  cat <&3 >&2
  kill $$
} &
exec nginx -c "$3"
`;

/** Debian's nginx-light will do. Its header has "server" and "connection" besides. */
const nginx: Subject = {
  name: "nginx",
  link: VETH,
  usesDescriptors: true,
  missing: isInstalled("nginx") ? null : "not installed",
  command(_role, { world, folder }) {
    mkdirSync(join(folder, "nginx-temporary"), { recursive: true });
    const configuration = join(folder, "nginx.conf");
    writeFileSync(configuration, nginxConfiguration(folder));
    const port = PORT.toString(16).toUpperCase().padStart(4, "0");
    return [...world.inServers, "sh", "-c", NGINX, "nginx", port, READY, configuration];
  },
};

/** The least code that moves octets over a TUN without offload, in C. */
const fake: Subject = {
  name: "c-fake",
  link: PLAIN_TUN,
  usesDescriptors: false,
  missing: null,
  command: (role, { folder }) => [join(folder, "plain"), role, PLAIN_TUN.device],
};

/** All, by name. `dist` is a build other than this tree's. */
export function subjects(dist = DIST): ReadonlyMap<SubjectName, Subject> {
  const all = [
    ours("fourtuple", TUN, "offload", dist),
    nodeKernel,
    nginx,
    ours("fourtuple-plain", PLAIN_TUN, "plain", dist),
    fake,
  ];
  return new Map(all.map((subject) => [subject.name, subject]));
}
