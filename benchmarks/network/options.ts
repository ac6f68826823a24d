/** What the benchmarks of the network and of TLS are told on the command line, for `parseArgs`. */
export const measurementOptions = {
  smoke: { type: "boolean", default: false },
  rounds: { type: "string" },
  seconds: { type: "string" },
  dist: { type: "string" },
  out: { type: "string" },
} as const;

/** Those of `all` that bear one of `names`; all where there is none. Errors: a name that nobody bears. */
export function named<T extends { readonly name: string }>(all: readonly T[], names: readonly string[]): readonly T[] {
  const unknown = names.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined) throw new Error(`no ${unknown}; there are ${all.map(({ name }) => name).join(", ")}`);
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}
