import { beside, DIST, node } from "../network/command.ts";
import type { Subject } from "../network/subjects.ts";
import { type Link, PREFIX_LENGTH, TUN, VETH } from "../network/world.ts";
import type { TlsSubjectName } from "./subject-names.ts";

const server = beside("server.ts", import.meta.url);

const subject = (name: TlsSubjectName, link: Link, dist: string): Subject => ({
  name,
  link,
  usesDescriptors: link === VETH,
  missing: null,
  command: (role, { world }, options) => {
    const args = [role, name, dist, link.device, `${link.server}/${PREFIX_LENGTH}`];
    return [...(link === VETH ? world.inServers : []), ...node(server, args, options)];
  },
});

/** `dist` is a build other than this tree's. */
export const tlsSubjects = (dist = DIST): readonly Subject[] => [
  subject("tls-tun", TUN, dist),
  subject("tls-duplex", VETH, dist),
  subject("node-tls", VETH, dist),
  subject("node-tls-duplex", VETH, dist),
];
