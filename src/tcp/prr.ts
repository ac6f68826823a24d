/** Proportional rate reduction: how much may be sent for each ACK of a fast recovery. RFC 6937 §3.1, with the reduction bound SSRB. */
export class Prr {
  #delivered = 0;
  #out = 0;
  #recoverFs = 1;

  /** A recovery begins with `flightSize` octets outstanding. */
  begin(flightSize: number): void {
    this.#delivered = 0;
    this.#out = 0;
    this.#recoverFs = Math.max(1, flightSize);
  }

  /** Octets were sent, again or for the first time. */
  sent(octets: number): void {
    this.#out += octets;
  }

  /** The window for what comes next, after an ACK that delivered `delivered` octets and left `pipe` in the network. */
  window(delivered: number, pipe: number, ssthresh: number, mss: number): number {
    this.#delivered += delivered;
    let allowed: number;
    if (pipe > ssthresh) {
      allowed = Math.ceil((this.#delivered * ssthresh) / this.#recoverFs) - this.#out;
    } else {
      const limit = Math.max(this.#delivered - this.#out, delivered) + mss;
      allowed = Math.min(ssthresh - pipe, limit);
    }
    if (this.#out === 0) allowed = Math.max(allowed, mss); // The fast retransmission itself.
    return pipe + Math.max(0, allowed);
  }
}
