import { assert } from "../base/assert.ts";
import { TX_NETWORK_HEADER, type TxBatch } from "../base/tx-batch.ts";

/** Shortest datagram that a row can hold: its network header lies in the batch. */
export const ROW_OCTETS_MIN = TX_NETWORK_HEADER;

/**
 * Adds the finished datagram `bytes[at, end)` to `tx` as a row: nothing is left to do to it. The octets behind its first 20
 * are borrowed until the row is written.
 * Precondition: `tx.hasRoom()`, and it is `ROW_OCTETS_MIN` octets long at least.
 */
export function addDatagramRow(tx: TxBatch, bytes: Uint8Array, at: number, end: number): void {
  assert(end - at >= ROW_OCTETS_MIN, "a row holds a network header");
  const row = tx.open(0);
  tx.head.bytes.set(bytes.subarray(at, at + TX_NETWORK_HEADER), tx.headerAt(row));
  const rest = end - at - TX_NETWORK_HEADER;
  if (rest > 0) tx.addPiece(bytes, at + TX_NETWORK_HEADER, rest);
}
