import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What keeps the list from being used: an id or a snippet twice, a snippet that the source does not have (any more). */
export function faultsOf(mutants, root) {
  const faults = [];
  const ids = new Set();
  for (const { id, file, find, replace } of mutants) {
    if (ids.has(id)) faults.push(`${id}: another mutant has this id`);
    ids.add(id);
    if (find === replace) faults.push(`${id}: it changes nothing`);
    const times = readFileSync(join(root, file), "utf8").split(find).length - 1;
    if (times !== 1) faults.push(`${id}: its snippet occurs ${String(times)} times in ${file}, not once: ${find}`);
  }
  return faults;
}

/** Writes the mutant into the copy at `root`; the function returned takes it back. */
export function apply({ file, find, replace }, root) {
  const path = join(root, file);
  const original = readFileSync(path, "utf8");
  writeFileSync(path, original.split(find).join(replace));
  return () => {
    writeFileSync(path, original);
  };
}
