import { MessageReader } from "../../../src/tls/handshake/message.ts";
import { OctetReader } from "../../../src/tls/octet-reader.ts";
import { RecordReader } from "../../../src/tls/record/record-reader.ts";

/** Steps of the parsers that a case may take: for each octet that it is given, for each call, and for nothing at all. */
const STEPS_PER_OCTET = 4,
  STEPS_PER_CALL = 8,
  STEPS_FREE = 20_000;

/** What a parser that does not come to its end runs into: a count, not a time. */
export class StepCounter {
  #left = 0;

  /** Counts every step of the parsers of this process from now on. */
  constructor() {
    const count = (): void => this.#count();
    watch(RecordReader.prototype, "next", count);
    watch(MessageReader.prototype, "next", count);
    for (const name of ["uint", "take", "vector"] as const) watch(OctetReader.prototype, name, count);
  }

  /** A new case, which is given that many octets in that many pieces. */
  begin(octets: number, calls: number): void {
    this.#left = STEPS_FREE + STEPS_PER_OCTET * octets + STEPS_PER_CALL * calls;
  }

  #count(): void {
    this.#left--;
    if (this.#left < 0) throw new Error("the parsers do not come to an end");
  }
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

function watch<Name extends string>(prototype: Record<Name, unknown>, name: Name, count: () => void): void {
  const original = prototype[name] as Method;
  const watched: Method = function (...args) {
    count();
    return original.apply(this, args);
  };
  prototype[name] = watched;
}
