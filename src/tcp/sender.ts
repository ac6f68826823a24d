import type { MemoryBudget } from "../base/memory-budget.ts";
import { type Seq, seqAdd } from "../base/seq.ts";
import type { CongestionController } from "./congestion/controller.ts";
import { RateSampler } from "./congestion/rate-sampler.ts";
import { WindowUsage } from "./congestion/window-usage.ts";
import { COPY_IN_FLIGHT, InFlight, LOST, SACKED } from "./in-flight.ts";
import { Pacer } from "./pacer.ts";
import { Prr } from "./prr.ts";
import { Rack } from "./rack.ts";
import { SendQueue } from "./send-queue.ts";
import { TailLossProbe } from "./tail-loss-probe.ts";
import { Undo } from "./undo.ts";

/** No loss is known; fast recovery (RFC 6675, RFC 6582); after a retransmission time-out (RFC 5681 §3.1). */
export const OPEN = 0,
  FAST_RECOVERY = 1,
  RTO_RECOVERY = 2;
export type RecoveryPhase = typeof OPEN | typeof FAST_RECOVERY | typeof RTO_RECOVERY;

/** What a connection needs while it has octets queued or in flight. Idle connections have none; a stack keeps a few spare. */
export class Sender {
  readonly queue: SendQueue;
  readonly inFlight = new InFlight();
  phase: RecoveryPhase = OPEN;
  /** SND.NXT when recovery began: it is over once this is acknowledged. RFC 6582 calls it recover. */
  recoveryPoint = 0 as Seq;
  /** Consecutive duplicate ACKs of a peer without SACK, as octets that must have left the network. */
  dupAcks = 0;
  /** The next retransmission leaves whatever the window says: RFC 5681 §3.2 (3), RFC 6675 §5 (4.3), RFC 6582 §3.2 (3). */
  firstIsDue = false;
  /** Where a reduction because of ECN ends: the next may follow once this is acknowledged. */
  reducedUntil = 0 as Seq;
  readonly rack = new Rack();
  readonly prr = new Prr();
  readonly undo = new Undo();
  readonly probe = new TailLossProbe();
  readonly usage = new WindowUsage();
  readonly pacer = new Pacer();
  /** There where the controller wants samples of every ACK. */
  rates: RateSampler | null = null;
  /** The first range that may be lost and not yet sent again. */
  retransmitFrom = 0;

  constructor(memory: MemoryBudget) {
    this.queue = new SendQueue(memory);
  }

  /** Before it waits for its next connection: the arrays that the last one has made large are let go. */
  shrink(): void {
    this.queue.shrink();
    this.inFlight.shrink();
  }

  reset(sndNxt: Seq): void {
    this.queue.reset(sndNxt);
    this.inFlight.reset();
    this.phase = OPEN;
    this.recoveryPoint = seqAdd(sndNxt, -1);
    this.dupAcks = 0;
    this.firstIsDue = false;
    this.retransmitFrom = 0;
    this.reducedUntil = sndNxt;
    this.rack.reset(sndNxt);
    this.undo.reset();
    this.probe.reset();
    this.usage.reset(sndNxt);
    this.pacer.reset();
    this.rates = null;
  }

  /** `controller` is the one that the connection has from now on. */
  serves(controller: CongestionController): void {
    this.rates = controller.acknowledged === undefined ? null : (this.rates ?? new RateSampler());
  }

  /**
   * What was sent from `seq` on did not arrive, and not because of congestion (a closed window refused it, the path was too
   * narrow for it): it is sent again, and no loss is counted.
   */
  markUnsent(seq: Seq): void {
    const { inFlight } = this;
    const { lostTotal } = inFlight;
    for (let i = inFlight.firstEndingAfter(seq); i < inFlight.count; i++) {
      const flags = inFlight.flags(i);
      if ((flags & SACKED) === 0) inFlight.setFlags(i, (flags | LOST) & ~COPY_IN_FLIGHT);
    }
    inFlight.lostTotal = lostTotal;
    this.retransmitFrom = 0;
  }
}
