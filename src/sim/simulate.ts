import { writeFileSync } from "node:fs";
import { type FailureFacts, SimulationFailure } from "./failure.ts";
import { Simulation, type SimulationOptions, type SimulationReport } from "./simulation.ts";

export interface SimulateOptions extends SimulationOptions {
  /** The command that runs this seed again; a failure prints it. */
  readonly replay?: string;
  /** Where a failure's capture goes; "" for nowhere. "fourtuple-sim-<seed>.pcapng" in the working folder unless given. */
  readonly captureFile?: string;
  /** Gets the capture of a run that went well, where it is wanted. */
  readonly onCapture?: (pcapng: Uint8Array) => void;
}

export interface SimulationResult<T> extends SimulationReport {
  /** What the program has returned. */
  readonly value: T;
}

/** What a program is: any code over the sockets of `sim`'s hosts. Time passes while it waits. */
export type SimulationProgram<T> = (sim: Simulation) => Promise<T> | T;

function failureOf(sim: Simulation, options: SimulateOptions, error: unknown): SimulationFailure {
  const { captureFile = `fourtuple-sim-${String(sim.seed)}.pcapng` } = options;
  let capture: string | null = null;
  if (captureFile !== "") {
    writeFileSync(captureFile, sim.capture());
    capture = captureFile;
  }
  const facts: FailureFacts = { seed: sim.seed, virtualMs: sim.nowMs, replay: options.replay ?? null, capture };
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new SimulationFailure(reason, facts, error);
}

/**
 * Runs `program` in a world of its own, then closes all hosts and checks that nothing is left of them.
 *
 * Errors: `SimulationFailure` where the program throws, an invariant is broken, nothing is left to happen while the
 *         program still waits, or `limitMs` is over.
 */
export async function simulate<T>(
  options: SimulateOptions,
  program: SimulationProgram<T>,
): Promise<SimulationResult<T>> {
  let failed: (error: unknown) => void = () => undefined;
  const failure = new Promise<never>((_resolve, reject) => {
    failed = reject;
  });
  const sim = new Simulation(options, {
    failed: (error) => {
      sim.timebase.stop();
      failed(error);
    },
  });
  const run = async (): Promise<T> => {
    const value = await program(sim);
    sim.check();
    await Promise.all(sim.hosts.map((host) => host.close()));
    return value;
  };
  sim.timebase.start();
  try {
    const value = await Promise.race([run(), failure]);
    options.onCapture?.(sim.capture());
    return { ...sim.report(), value };
  } catch (error) {
    throw failureOf(sim, options, error);
  } finally {
    sim.timebase.stop();
  }
}
