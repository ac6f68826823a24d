import { GrowableWords } from "./growable-words.ts";

/*  Level 0 has a slot for each millisecond of the running 64, level 1 one for each 64 ms of the running 4,096, and so on;
 *  level 5 has four slots, each a quarter of all int32 times. A timer is filed by the uppermost bits in which its deadline
 *  differs from the wheel's position: so all of level 0 lies before all of level 1, slot numbers ascend within a level,
 *  and an entry comes down one level or more when the position enters its slot.
 *
 *  A row, 4 int32 words: next and previous row of the slot's ring, deadline, unused. Rows 1 to `SLOTS` are the heads of
 *  the slots' rings, then come `DUE` and `FIRING`, then the ids. `next` is 0 in a row that is not armed. */
const LEVEL_BITS = 6;
const LEVELS = 6;
const SLOTS_PER_LEVEL = 1 << LEVEL_BITS;
const SLOTS = LEVELS * SLOTS_PER_LEVEL;
const TOP = LEVELS - 1;
/** Bits of time that the top level's slots tell apart, and how many such slots there are. */
const TOP_SHIFT = TOP * LEVEL_BITS;
const TOP_SLOTS = 1 << (32 - TOP_SHIFT);
const FIRST_HEAD = 1;
const DUE = FIRST_HEAD + SLOTS;
const FIRING = DUE + 1;
const FIRST_ID = FIRING + 1;
const ROW_SHIFT = 2;
const NEXT = 0;
const PREVIOUS = 1;
const DEADLINE = 2;

/** Ids that a wheel has room for unless told otherwise. */
export const TIMERS_MAX = 1 << 22;

/**
 * All timers of a stack: one per id, where ids are small integers (a connection's record number).
 *
 * Units: int32 milliseconds of `Clock.nowMs`, which wrap; two times are compared by signed difference. A deadline lies at
 *        most 2^31 - 1 ms (24.8 days) ahead, and `advance` is called at least as often.
 * Cost:  `arm`, `cancel`, `isArmed` O(1); putting a timer off, as a retransmission timer is with every ACK, writes one
 *        word. A timer comes down at most five levels. Time that passes costs nothing: empty slots are skipped by bitmap.
 *        Growth aside, nothing allocates.
 * Source: Varghese and Lauck, "Hashed and hierarchical timing wheels", SOSP 1987, scheme 7.
 */
export class TimerWheel {
  readonly #rows: GrowableWords;
  /** Which slots of a level hold timers: the lower 32, then the upper 32. */
  readonly #occupied = new Int32Array(LEVELS * 2);
  #positionMs: number;
  #armed = 0;

  /** `nowMs` is where time begins; ids are below `idsMax`. */
  constructor(nowMs: number, idsMax = TIMERS_MAX) {
    this.#positionMs = nowMs | 0;
    this.#rows = new GrowableWords((idsMax + FIRST_ID) << ROW_SHIFT);
    this.#rows.growTo(FIRST_ID << ROW_SHIFT);
    const rows = this.#rows.words;
    for (let head = FIRST_HEAD; head < FIRST_ID; head++) {
      rows[(head << ROW_SHIFT) + NEXT] = head;
      rows[(head << ROW_SHIFT) + PREVIOUS] = head;
    }
  }

  /** How many timers are armed. */
  get armed(): number {
    return this.#armed;
  }

  isArmed(id: number): boolean {
    const at = (id + FIRST_ID) << ROW_SHIFT;
    return at < this.#rows.words.length && this.#rows.words[at + NEXT] !== 0;
  }

  /** What `arm` was told last. Precondition: `isArmed(id)`. */
  deadlineMs(id: number): number {
    return this.#rows.words[((id + FIRST_ID) << ROW_SHIFT) + DEADLINE];
  }

  /**
   * Lets `id` fire once at `deadlineMs`; an earlier deadline of it is forgotten. One that has passed already fires in the
   * next `advance`; during `advance`, that is the next one.
   * @hot
   */
  arm(id: number, deadlineMs: number): void {
    const row = id + FIRST_ID;
    const at = row << ROW_SHIFT;
    if (at >= this.#rows.words.length) this.#rows.growTo(at + (1 << ROW_SHIFT));
    const rows = this.#rows.words;
    const isAhead = ((deadlineMs - this.#positionMs) | 0) > 0;
    if (rows[at + NEXT] === 0) this.#armed++;
    else {
      // Put off: it stays where it is filed and finds its place when that slot comes.
      if (isAhead && ((deadlineMs - rows[at + DEADLINE]) | 0) >= 0) {
        rows[at + DEADLINE] = deadlineMs;
        return;
      }
      this.#unlink(row);
    }
    rows[at + DEADLINE] = deadlineMs;
    if (isAhead) this.#file(row, deadlineMs);
    else this.#link(row, DUE);
  }

  /** Nothing happens where `id` is not armed. @hot */
  cancel(id: number): void {
    if (!this.isArmed(id)) return;
    const row = id + FIRST_ID;
    this.#unlink(row);
    this.#rows.words[(row << ROW_SHIFT) + NEXT] = 0;
    this.#armed--;
  }

  /**
   * Time is `nowMs`: calls `fire` once for each id whose deadline that has reached, in the order of deadlines (those that
   * had passed when they were armed first), and returns how many. An id is not armed any more when `fire` gets it; `fire`
   * may arm and cancel any id, but not call `advance`. Time that goes back counts as standing still. If `fire` throws,
   * those not yet called fire in the next `advance`.
   */
  advance(nowMs: number, fire: (id: number) => void): number {
    this.#moveDueToFiring();
    this.#turnTo(nowMs);
    let fired = 0;
    for (;;) {
      // `fire` may have grown the rows.
      const rows = this.#rows.words;
      const row = rows[(FIRING << ROW_SHIFT) + NEXT];
      if (row === FIRING) return fired;
      const at = row << ROW_SHIFT;
      this.#unlink(row);
      if (((rows[at + DEADLINE] - this.#positionMs) | 0) > 0) {
        this.#file(row, rows[at + DEADLINE]); // Put off by another's `fire`, or since it passed.
        continue;
      }
      rows[at + NEXT] = 0;
      this.#armed--;
      fired++;
      fire(row - FIRST_ID);
    }
  }

  /**
   * When `advance` wants a call: never later than the earliest deadline, and `Infinity` where nothing is armed. It may be
   * earlier (when a slot of a higher level begins, or where a timer stood before it was put off); `advance` then fires
   * nothing and the next answer is later.
   */
  nextDeadlineMs(): number {
    const rows = this.#rows.words;
    const isDue = rows[(DUE << ROW_SHIFT) + NEXT] !== DUE || rows[(FIRING << ROW_SHIFT) + NEXT] !== FIRING;
    if (isDue) return this.#positionMs;
    const slot = this.#firstOccupied();
    return slot < 0 ? Infinity : this.#beginOf(slot);
  }

  /** Moves the position to `nowMs`, and all whose deadline that reaches to `FIRING`, in their order. */
  #turnTo(nowMs: number): void {
    if (((nowMs - this.#positionMs) | 0) <= 0) return;
    for (;;) {
      const slot = this.#firstOccupied();
      if (slot < 0) break;
      const begin = this.#beginOf(slot);
      if (((begin - nowMs) | 0) > 0) break;
      this.#positionMs = begin;
      this.#scatter(slot);
    }
    this.#positionMs = nowMs | 0;
  }

  /** The slot that begins first of those that hold timers, or -1. */
  #firstOccupied(): number {
    const occupied = this.#occupied;
    for (let level = 0; level < TOP; level++) {
      const lower = occupied[level * 2];
      if (lower !== 0) return level * SLOTS_PER_LEVEL + 31 - Math.clz32(lower & -lower);
      const upper = occupied[level * 2 + 1];
      if (upper !== 0) return level * SLOTS_PER_LEVEL + 63 - Math.clz32(upper & -upper);
    }
    // The top level alone is a ring: time wraps in it.
    for (let ahead = 1; ahead < TOP_SLOTS; ahead++) {
      const slot = ((this.#positionMs >>> TOP_SHIFT) + ahead) & (TOP_SLOTS - 1);
      if ((occupied[TOP * 2] & (1 << slot)) !== 0) return TOP * SLOTS_PER_LEVEL + slot;
    }
    return -1;
  }

  /** The first millisecond of a slot, as int32. */
  #beginOf(slot: number): number {
    const level = slot >>> LEVEL_BITS;
    const offset = (slot & (SLOTS_PER_LEVEL - 1)) << (level * LEVEL_BITS);
    return level === TOP ? offset : (this.#positionMs & (-1 << ((level + 1) * LEVEL_BITS))) | offset;
  }

  /** The position has entered `slot`: its timers fire or come down. */
  #scatter(slot: number): void {
    const rows = this.#rows.words;
    const head = FIRST_HEAD + slot;
    let row = rows[(head << ROW_SHIFT) + NEXT];
    rows[(head << ROW_SHIFT) + NEXT] = head;
    rows[(head << ROW_SHIFT) + PREVIOUS] = head;
    this.#occupied[slot >>> 5] &= ~(1 << (slot & 31));
    while (row !== head) {
      const at = row << ROW_SHIFT;
      const next = rows[at + NEXT];
      const deadlineMs = rows[at + DEADLINE];
      if (((deadlineMs - this.#positionMs) | 0) <= 0) this.#link(row, FIRING);
      else this.#file(row, deadlineMs);
      row = next;
    }
  }

  /** Precondition: the deadline is ahead of the position. */
  #file(row: number, deadlineMs: number): void {
    const level = ((31 - Math.clz32(deadlineMs ^ this.#positionMs)) / LEVEL_BITS) | 0;
    const slot = level * SLOTS_PER_LEVEL + ((deadlineMs >>> (level * LEVEL_BITS)) & (SLOTS_PER_LEVEL - 1));
    this.#occupied[slot >>> 5] |= 1 << (slot & 31);
    this.#link(row, FIRST_HEAD + slot);
  }

  /** Appends to the ring of `head`. */
  #link(row: number, head: number): void {
    const rows = this.#rows.words;
    const last = rows[(head << ROW_SHIFT) + PREVIOUS];
    rows[(row << ROW_SHIFT) + NEXT] = head;
    rows[(row << ROW_SHIFT) + PREVIOUS] = last;
    rows[(last << ROW_SHIFT) + NEXT] = row;
    rows[(head << ROW_SHIFT) + PREVIOUS] = row;
  }

  #unlink(row: number): void {
    const rows = this.#rows.words;
    const next = rows[(row << ROW_SHIFT) + NEXT];
    const previous = rows[(row << ROW_SHIFT) + PREVIOUS];
    rows[(previous << ROW_SHIFT) + NEXT] = next;
    rows[(next << ROW_SHIFT) + PREVIOUS] = previous;
    // Only a head is its own neighbour: its ring is empty now.
    if (next === previous && next < DUE)
      this.#occupied[(next - FIRST_HEAD) >>> 5] &= ~(1 << ((next - FIRST_HEAD) & 31));
  }

  /** Those that had passed when they were armed, unless they were put off since. */
  #moveDueToFiring(): void {
    const rows = this.#rows.words;
    for (;;) {
      const row = rows[(DUE << ROW_SHIFT) + NEXT];
      if (row === DUE) return;
      const deadlineMs = rows[(row << ROW_SHIFT) + DEADLINE];
      this.#unlink(row);
      if (((deadlineMs - this.#positionMs) | 0) > 0) this.#file(row, deadlineMs);
      else this.#link(row, FIRING);
    }
  }
}
