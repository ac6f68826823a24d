/**
 * What few connections have at any time, in an object of its own: an idle connection is without, and one that needs one of it
 * gets them all. Begin with `WithSeldom`.
 */
import type { BufferTuning } from "./buffer-tuning.ts";
import type { KeepAlive } from "./keep-alive.ts";
import type { OutOfOrder } from "./out-of-order.ts";
import type { TcpSettings } from "./settings.ts";
import type { SuspectAnswers } from "./suspect-answers.ts";
import type { Urgent } from "./urgent.ts";

class Seldom {
  settings: TcpSettings | null = null;
  keepAlive: KeepAlive | null = null;
  urgent: Urgent | null = null;
  suspectAnswers: SuspectAnswers | null = null;
  tuning: BufferTuning | null = null;
  outOfOrder: OutOfOrder | null = null;
  /** Octets per second. */
  pacingRate = 0;
  retained = 0;
  totalRetrans = 0;
  probesInVain = 0;
  probedUnmeasured = false;
}

/** As fields would be; what has its first value costs nothing. */
export abstract class WithSeldom {
  #seldom: Seldom | null = null;

  get settings(): TcpSettings | null {
    return this.#seldom === null ? null : this.#seldom.settings;
  }
  set settings(value: TcpSettings | null) {
    if (this.#seldom !== null || value !== null) this.#made().settings = value;
  }

  get keepAlive(): KeepAlive | null {
    return this.#seldom === null ? null : this.#seldom.keepAlive;
  }
  set keepAlive(value: KeepAlive | null) {
    if (this.#seldom !== null || value !== null) this.#made().keepAlive = value;
  }

  get urgent(): Urgent | null {
    return this.#seldom === null ? null : this.#seldom.urgent;
  }
  set urgent(value: Urgent | null) {
    if (this.#seldom !== null || value !== null) this.#made().urgent = value;
  }

  get suspectAnswers(): SuspectAnswers | null {
    return this.#seldom === null ? null : this.#seldom.suspectAnswers;
  }
  set suspectAnswers(value: SuspectAnswers | null) {
    if (this.#seldom !== null || value !== null) this.#made().suspectAnswers = value;
  }

  get tuning(): BufferTuning | null {
    return this.#seldom === null ? null : this.#seldom.tuning;
  }
  set tuning(value: BufferTuning | null) {
    if (this.#seldom !== null || value !== null) this.#made().tuning = value;
  }

  get outOfOrder(): OutOfOrder | null {
    return this.#seldom === null ? null : this.#seldom.outOfOrder;
  }
  set outOfOrder(value: OutOfOrder | null) {
    if (this.#seldom !== null || value !== null) this.#made().outOfOrder = value;
  }

  /** Octets per second, where a controller sets it; see `pacer.ts`. */
  get pacingRate(): number {
    return this.#seldom === null ? 0 : this.#seldom.pacingRate;
  }
  set pacingRate(value: number) {
    if (this.#seldom !== null || value !== 0) this.#made().pacingRate = value;
  }

  /** Received octets that the owner says it keeps (`retain`). */
  get retained(): number {
    return this.#seldom === null ? 0 : this.#seldom.retained;
  }
  set retained(value: number) {
    if (this.#seldom !== null || value !== 0) this.#made().retained = value;
  }

  get totalRetrans(): number {
    return this.#seldom === null ? 0 : this.#seldom.totalRetrans;
  }
  set totalRetrans(value: number) {
    if (this.#seldom !== null || value !== 0) this.#made().totalRetrans = value;
  }

  /** Tail loss probes of late that asked for what had arrived; see `learnFromProbe`. */
  get probesInVain(): number {
    return this.#seldom === null ? 0 : this.#seldom.probesInVain;
  }
  set probesInVain(value: number) {
    if (this.#seldom !== null || value !== 0) this.#made().probesInVain = value;
  }

  /** No round trip was measured since the last tail loss probe: RFC 8985 §7.3 asks for one between two of them. */
  get probedUnmeasured(): boolean {
    return this.#seldom === null ? false : this.#seldom.probedUnmeasured;
  }
  set probedUnmeasured(value: boolean) {
    if (this.#seldom !== null || value) this.#made().probedUnmeasured = value;
  }

  #made(): Seldom {
    return (this.#seldom ??= new Seldom());
  }
}
