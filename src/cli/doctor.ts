import { tunAvailability, type TunCheck } from "../device/tun-availability.ts";
import { TunError } from "../device/tun-errors.ts";
import { TunDevice } from "../device/tun.ts";
import { COMMON_HELP, type Command } from "./command.ts";
import { expectWords, parseOptions } from "./usage.ts";

const HELP = `fourtuple doctor

Says what this machine has and lacks for TUN devices, and what to do about it. The demo needs
none of it. Status 0 where everything works, 1 where something is missing.

${COMMON_HELP}
`;

interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly text: string;
}

/** The oldest Node that this package runs on: `engines` of package.json. */
const NODE_MIN = [20, 19] as const;

function nodeFinding(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const ok = major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);
  const found = `Node ${process.versions.node}`;
  return { name: "node", ok, text: ok ? found : `${found}; install ${NODE_MIN.join(".")} or newer` };
}

/** Whether super-segments pass. It takes a device to ask: a nameless one, for a moment, where we may make it. */
function offloadFinding(make: boolean): Finding {
  const name = "offloads";
  if (!make) return { name, ok: true, text: "not asked: that takes a device, which this user may not make here" };
  try {
    const device = TunDevice.open();
    const { segmentMax } = device.offload;
    device.close();
    return segmentMax > 0
      ? { name, ok: true, text: "the kernel exchanges super-segments and unfinished checksums" }
      : {
          name,
          ok: false,
          text: "the kernel's TUN has no virtio_net_hdr: everything works, slower; use a newer kernel",
        };
  } catch (error) {
    if (!(error instanceof TunError)) throw error;
    return { name, ok: false, text: error.message };
  }
}

/** A missing privilege alone is no fault: a device can be made for this user, or a sandbox used. */
const blocks = (check: TunCheck, sandbox: boolean): boolean => !check.ok && !(check.name === "privilege" && sandbox);

async function run(args: readonly string[]): Promise<number> {
  expectWords("doctor", parseOptions("doctor", args, {}).positionals, 0);
  const { attach, make, sandbox, checks } = tunAvailability();
  const findings: readonly Finding[] = [
    nodeFinding(),
    ...checks.map((check) => ({ ...check, ok: !blocks(check, sandbox) })),
    ...(attach ? [offloadFinding(make)] : []),
  ];
  const lines = findings.map(({ name, ok, text }) => `${ok ? "ok     " : "missing"}  ${name.padEnd(9)}  ${text}`);
  const works = (yes: boolean): string => (yes ? "works" : "does not work here");
  lines.push(
    "",
    "fourtuple demo     works",
    `fourtuple sandbox  ${works(sandbox)}`,
    `fourtuple serve    ${make ? "works" : attach ? "works on a device that was made for this user" : works(false)}`,
  );
  process.stdout.write(lines.map((line) => `${line}\n`).join(""));
  return Promise.resolve(findings.every(({ ok }) => ok) ? 0 : 1);
}

export const doctor: Command = {
  name: "doctor",
  summary: "what this machine has and lacks",
  help: HELP,
  run,
};
