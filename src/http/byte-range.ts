/** Octets [from, to) of a representation. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/**
 * The range that a Range field asks for, RFC 9110 §14.1.2. `null` where it is to be ignored: another unit, malformed, or
 * several ranges (§14.2 lets a server ignore those, and they are an old way to make it work hard).
 */
export function parseRange(text: string, size: number): ByteRange | "unsatisfiable" | null {
  const match = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(text);
  if (match === null) return null;
  const [, first, last] = match;
  if (first === "") {
    if (last === "") return null;
    const suffix = Number(last);
    return suffix === 0 || size === 0 ? "unsatisfiable" : { from: Math.max(0, size - suffix), to: size };
  }
  const from = Number(first);
  const to = last === "" ? size : Number(last) + 1;
  if (to <= from && last !== "") return null;
  return from >= size ? "unsatisfiable" : { from, to: Math.min(to, size) };
}
