/** Folders of tests that prove the layers which are mutated, in the order in which they are asked. */
const UNIT = ["tcp", "packetdrill", "stack", "ipv4", "icmp", "wire"];
/** What goes through whole stacks. */
const ABOVE = ["sockets", "host", "fuzz"];
/** It runs an example, which wants `dist/`. */
const NEEDS_BUILD = "test/sim/network/example.test.ts";

const paths = (folders) => folders.map((folder) => `test/${folder}/`);

/**
 * What is asked about a mutant of `file`, until something fails: the tests of its own folder, then those of the other
 * layers, then sockets and hostile input, then the simulator with seeds 1 to `seeds`. No kernel tests.
 */
export function stagesFor(file, seeds) {
  const folder = file.split("/")[1];
  const own = folder === "tcp" ? ["tcp", "packetdrill"] : [folder];
  return [
    { name: own.join(", "), project: "unit", filters: paths(own), env: {} },
    { name: "other layers", project: "unit", filters: paths(UNIT.filter((name) => !own.includes(name))), env: {} },
    { name: "sockets and fuzz", project: "unit", filters: paths(ABOVE), env: {} },
    {
      name: "simulator",
      project: "sim",
      filters: ["test/sim/"],
      exclude: NEEDS_BUILD,
      env: { SEEDS: `1..${String(seeds)}` },
    },
  ];
}
