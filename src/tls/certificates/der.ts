import { Constructed, fromBER, type BaseBlock } from "asn1js";

/**
 * Distinguished encoding (X.690) as asn1js reads it, behind the few questions that certificates raise. asn1js bounds depth
 * and count of values itself. What is missing, or of another kind, is null or nothing.
 */
export type DerNode = BaseBlock;

const UNIVERSAL_CLASS = 1,
  CONTEXT_CLASS = 3;

/** Tags of X.690 §8. */
export const BOOLEAN_TAG = 1,
  INTEGER_TAG = 2,
  BIT_STRING_TAG = 3,
  OBJECT_IDENTIFIER_TAG = 6;

/** Null where the octets are not exactly one value. */
export function parseDer(octets: Uint8Array): DerNode | null {
  const { offset, result } = fromBER(octets);
  return offset === octets.length ? result : null;
}

export const hasTag = (node: DerNode | undefined, tag: number): node is DerNode =>
  node?.idBlock.tagClass === UNIVERSAL_CLASS && node.idBlock.tagNumber === tag;

/** The number of a context-specific tag; -1 for any other. */
export const contextTag = (node: DerNode): number =>
  node.idBlock.tagClass === CONTEXT_CLASS ? node.idBlock.tagNumber : -1;

/** What a constructed value consists of. */
export const childrenOf = (node: DerNode | null | undefined): readonly DerNode[] =>
  node instanceof Constructed ? node.valueBlock.value : [];

/** Tag, length and content, as they came. */
export const rawOf = (node: DerNode): Uint8Array => node.valueBeforeDecodeView;

export function contentOf(node: DerNode): Uint8Array {
  const raw = rawOf(node);
  return node.lenBlock.isIndefiniteForm ? raw.subarray(raw.length) : raw.subarray(raw.length - node.lenBlock.length);
}

/** An INTEGER as a number, where it is one that is exact; -1 otherwise, and for negative ones. */
export function integerOf(node: DerNode): number {
  const content = contentOf(node);
  if (content.length === 0 || content.length > 6 || content[0] >= 0x80) return -1;
  return content.reduce((value, octet) => value * 256 + octet, 0);
}

/** The bits of a BIT STRING, bit 0 first (X.690 §8.6): whether bit `n` is set. */
export function bitOf(node: DerNode, n: number): boolean {
  const content = contentOf(node);
  return ((content.at(1 + (n >> 3)) ?? 0) & (0x80 >> (n & 7))) !== 0;
}

/** "2.5.29.15", from the content of an OBJECT IDENTIFIER (X.690 §8.19). */
export function objectIdentifierOf(node: DerNode): string {
  const numbers: number[] = [];
  let value = 0;
  for (const octet of contentOf(node)) {
    value = value * 128 + (octet & 0x7f);
    if (octet >= 0x80) continue;
    numbers.push(value);
    value = 0;
  }
  const [first = 0, ...rest] = numbers;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - 40 * top, ...rest].join(".");
}
