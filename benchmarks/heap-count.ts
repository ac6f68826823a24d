/** Objects of a heap, by their constructor's name or by what V8 calls them. */
export type HeapCount = ReadonlyMap<string, { readonly objects: number; readonly octets: number }>;

export interface Growth {
  readonly name: string;
  readonly objects: number;
  readonly octets: number;
}

interface Snapshot {
  readonly snapshot: {
    readonly meta: { readonly node_fields: string[]; readonly node_types: [string[], ...unknown[]] };
  };
  readonly nodes: number[];
  readonly strings: string[];
}

/** Types whose names are contents, not kinds: counted together. */
const BY_TYPE = new Set(["string", "concatenated string", "sliced string", "number", "symbol", "bigint", "regexp"]);

/** Counts the objects in the JSON of a heap snapshot. */
export function heapCount(json: string): HeapCount {
  const { snapshot, nodes, strings } = JSON.parse(json) as Snapshot;
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const [type, name, size] = ["type", "name", "self_size"].map((field) => fields.indexOf(field));
  const counts = new Map<string, { objects: number; octets: number }>();
  for (let at = 0; at < nodes.length; at += fields.length) {
    const kind = types[0][nodes[at + type]];
    const called = BY_TYPE.has(kind)
      ? `(${kind})`
      : `${strings[nodes[at + name]]}${kind === "object" ? "" : ` (${kind})`}`;
    const count = counts.get(called) ?? { objects: 0, octets: 0 };
    count.objects++;
    count.octets += nodes[at + size];
    counts.set(called, count);
  }
  return counts;
}

/** What has become more, the largest first. */
export function grownSince(before: HeapCount, after: HeapCount): readonly Growth[] {
  return [...after]
    .map(([name, { objects, octets }]) => {
      const then = before.get(name) ?? { objects: 0, octets: 0 };
      return { name, objects: objects - then.objects, octets: octets - then.octets };
    })
    .filter(({ octets }) => octets !== 0)
    .sort((a, b) => b.octets - a.octets);
}
