/**
 * Sequence numbers, RFC 9293 §3.4: 32 bits, compared modulo 2^32.
 * They are int32 here: on 64-bit Node an int32 is always a Smi, a uint32 from 2^31 up never is.
 */
export type Seq = number & { readonly __brand: "Seq" };

/** The low 32 bits of any integer as a sequence number. */
export const toSeq = (value: number): Seq => (value | 0) as Seq;
export const seqAdd = (a: Seq, octets: number): Seq => ((a + octets) | 0) as Seq;
/** Signed distance from `b` to `a`, in octets; exact while they lie within 2^31. */
export const seqDiff = (a: Seq, b: Seq): number => (a - b) | 0;
export const seqLt = (a: Seq, b: Seq): boolean => ((a - b) | 0) < 0;
export const seqLe = (a: Seq, b: Seq): boolean => ((a - b) | 0) <= 0;
export const seqGt = (a: Seq, b: Seq): boolean => ((a - b) | 0) > 0;
export const seqGe = (a: Seq, b: Seq): boolean => ((a - b) | 0) >= 0;
/** left <= s < left + size. The uint32 is born and dies inside the comparison. */
export const seqInWindow = (s: Seq, left: Seq, size: number): boolean => (s - left) >>> 0 < size;
export const seqMax = (a: Seq, b: Seq): Seq => (((a - b) | 0) < 0 ? b : a);
export const seqMin = (a: Seq, b: Seq): Seq => (((a - b) | 0) < 0 ? a : b);
