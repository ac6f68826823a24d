/** Explicit congestion notification: RFC 3168 §6.1. Begin with the bits of `Tcb.ecn`. */
import { seqGt } from "../base/seq.ts";
import { CWR, ECE, type Segment } from "../wire/segment.ts";
import { OPEN, type Sender } from "./sender.ts";
import type { Tcb } from "./tcb.ts";

/** Both sides agreed; our SYN asked; a CE mark is echoed until CWR; the next new text says CWR. */
export const ECN_OK = 1,
  ECN_ASKED = 2,
  ECE_DUE = 4,
  CWR_DUE = 8;

/** The ECN field of the IP header: RFC 3168 §5. */
const ECT_0 = 2,
  CE = 3;

/** Whether a stack uses ECN: never, where the peer asks for it (as Linux does), or asking for it itself. */
export type EcnMode = "off" | "passive" | "on";

/** §6.1.1: the peer's SYN or SYN-ACK. */
export function agreeOnEcn(c: Tcb, seg: Segment, passive: boolean): void {
  const flags = seg.flags & (ECE | CWR);
  if (passive && flags === (ECE | CWR) && c.tcp.config.ecn !== "off") c.ecn = ECN_OK;
  else if (!passive && flags === ECE && (c.ecn & ECN_ASKED) !== 0) c.ecn = ECN_OK;
  else c.ecn = 0;
}

/** The flags that a segment carries besides its own; `newText` where it has octets that were never sent before. */
export function ecnFlags(c: Tcb, newText: boolean): number {
  let flags = (c.ecn & ECE_DUE) !== 0 ? ECE : 0;
  if (newText && (c.ecn & CWR_DUE) !== 0) {
    flags |= CWR;
    c.ecn &= ~CWR_DUE;
  }
  return flags;
}

/** §6.1.5: only new text is marked capable, never a pure ACK or a retransmission. */
export const ecnField = (c: Tcb, newText: boolean): number => (newText && (c.ecn & ECN_OK) !== 0 ? ECT_0 : 0);

/** §6.1.2: an ACK that echoes a mark does not let the window grow. */
export const isEcho = (c: Tcb, seg: Segment): boolean => (c.ecn & ECN_OK) !== 0 && (seg.flags & ECE) !== 0;

/** §6.1.3: an acceptable segment has come. */
export function takeMarks(c: Tcb, seg: Segment): void {
  if ((seg.flags & CWR) !== 0) c.ecn &= ~ECE_DUE;
  if (seg.ecn === CE && seg.textLength > 0) {
    c.ecn |= ECE_DUE;
    c.tcp.counters.ceMarks++;
  }
}

/** §6.1.2: the window was reduced, for whatever reason: the peer learns of it, and marks from before count no more. */
export function reduced(c: Tcb, sender: Sender): void {
  sender.reducedUntil = c.sndNxt;
  if ((c.ecn & ECN_OK) !== 0) c.ecn |= CWR_DUE;
}

/** §6.1.2: an ACK with ECE is a loss to the congestion window, once a window of data, and nothing is sent again. */
export function takeEcho(c: Tcb, seg: Segment): void {
  const { sender } = c;
  if (!isEcho(c, seg) || sender?.phase !== OPEN) return;
  if (!seqGt(c.sndUna, sender.reducedUntil)) return; // Until then the peer has not seen CWR.
  reduced(c, sender);
  c.tcp.counters.ecnReductions++;
  c.controller?.lost(c, c.flightSize);
}
