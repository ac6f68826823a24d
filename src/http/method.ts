/** The methods of RFC 9110 §9 and RFC 5789: what the server knows. Every other one is answered with 501. */
export type Method = "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PATCH";

const METHODS: readonly Method[] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/** Octets of a method beyond which it cannot be one that is known. RFC 9112 §3: then 501. */
export const METHOD_MAX = 16;

/** The method that `bytes[at, end)` spells (methods are case-sensitive), or `null`. */
export function findMethod(bytes: Uint8Array, at: number, end: number): Method | null {
  for (const method of METHODS) {
    if (method.length === end - at && spells(bytes, at, method)) return method;
  }
  return null;
}

function spells(bytes: Uint8Array, at: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word.charCodeAt(i)) return false;
  return true;
}
