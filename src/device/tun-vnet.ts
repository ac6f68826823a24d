import type { TxBatch } from "../base/tx-batch.ts";

/*
 * The link header of a TUN opened with IFF_VNET_HDR: struct virtio_net_hdr of linux/virtio_net.h, without `num_buffers`
 * (virtio 1.2 §5.1.6). Sixteen-bit fields are in the machine's order.
 *   0 | flags | gso_type | hdr_len | gso_size | csum_start | csum_offset |
 *       1       1          2         2          2            2            octets */
const FLAGS = 0;
const GSO_TYPE = 1;
const HDR_LEN = 2;
const GSO_SIZE = 4;
const CSUM_START = 6;
const CSUM_OFFSET = 8;
export const VNET_HEADER = 10;

const FLAG_NEEDS_CSUM = 1;
const FLAG_DATA_VALID = 2;
const GSO_NONE = 0;
const GSO_TCPV4 = 1;
const GSO_TCPV6 = 4;
/** Set beside the type where the first segment carries CWR. */
const GSO_ECN = 0x80;

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Writes row `row`'s link header into the room in front of its datagram. @hot */
export function putVnetHeader(tx: TxBatch, row: number): void {
  const view = tx.head.view;
  const at = tx.headerAt(row) - VNET_HEADER;
  const checksumAt = tx.checksumAt[row];
  const checksumFrom = tx.checksumFrom[row];
  const gsoSize = tx.gsoSize[row];
  view.setUint8(at + FLAGS, checksumAt > 0 ? FLAG_NEEDS_CSUM : 0);
  view.setUint8(at + GSO_TYPE, gsoSize > 0 ? GSO_TCPV4 : GSO_NONE);
  view.setUint16(at + HDR_LEN, gsoSize > 0 ? tx.headerLength[row] : 0, LITTLE_ENDIAN);
  view.setUint16(at + GSO_SIZE, gsoSize, LITTLE_ENDIAN);
  view.setUint16(at + CSUM_START, checksumAt > 0 ? checksumFrom : 0, LITTLE_ENDIAN);
  view.setUint16(at + CSUM_OFFSET, checksumAt > 0 ? checksumAt - checksumFrom : 0, LITTLE_ENDIAN);
}

/** Whether the kernel says that the transport checksum is right: never left this machine, or was checked. @hot */
export const vnetVouches = (view: DataView, at: number): boolean =>
  (view.getUint8(at + FLAGS) & (FLAG_NEEDS_CSUM | FLAG_DATA_VALID)) !== 0;

/** The sender's segment size where the datagram is a TCP super-segment, else 0. @hot */
export function vnetGsoSize(view: DataView, at: number): number {
  const type = view.getUint8(at + GSO_TYPE) & ~GSO_ECN;
  return type === GSO_TCPV4 || type === GSO_TCPV6 ? view.getUint16(at + GSO_SIZE, LITTLE_ENDIAN) : 0;
}
