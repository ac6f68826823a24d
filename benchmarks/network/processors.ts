import { readFileSync } from "node:fs";

/** Shape: the processors that this process may use, in order. */
export function processorsAllowed(): readonly number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "0";
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** The servers have one processor and the load another, so that neither takes from the other; where there is one only, they share it. */
export function placement(): { server: number; load: number } {
  const [server = 0, load = server] = processorsAllowed();
  return { server, load };
}

/** Puts a command on one processor. */
export const pinned = (processor: number, command: readonly string[]): readonly string[] => [
  "taskset",
  "--cpu-list",
  String(processor),
  ...command,
];
