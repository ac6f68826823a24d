/** What a run came to, for its failure. */
export interface FailureFacts {
  readonly seed: number;
  readonly virtualMs: number;
  /** The command that runs it again, if the caller knows one. */
  readonly replay: string | null;
  /** Where the capture was written, or null. */
  readonly capture: string | null;
}

/** A simulated run has failed: an invariant is broken, or the program threw (`cause`). The text says how to run it again. */
export class SimulationFailure extends Error {
  override readonly name = "SimulationFailure";
  readonly seed: number;
  /** When it failed, in milliseconds of virtual time. */
  readonly virtualMs: number;
  readonly replay: string | null;
  readonly capture: string | null;

  constructor(reason: string, facts: FailureFacts, cause: unknown) {
    const lines = [reason, `  seed ${String(facts.seed)}, ${String(facts.virtualMs)} ms of virtual time`];
    if (facts.replay !== null) lines.push(`  again: ${facts.replay}`);
    if (facts.capture !== null) lines.push(`  capture: ${facts.capture}`);
    super(lines.join("\n"), { cause });
    this.seed = facts.seed;
    this.virtualMs = facts.virtualMs;
    this.replay = facts.replay;
    this.capture = facts.capture;
  }
}

/** An invariant of the simulation is broken. */
export class ViolatedInvariant extends Error {
  override readonly name = "ViolatedInvariant";
}
