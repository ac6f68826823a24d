/** The public names of `fourtuple/sim`. */
export { CONSEQUENCES, type Fault, FAULTS, INJECTED_FAULTS } from "./faults.ts";
export { SimulationFailure } from "./failure.ts";
export type { HostOptions, SimHost } from "./host.ts";
export type { DirectionOptions, Interceptor, LinkDirection } from "./link.ts";
export type { GilbertElliott, Loss } from "./loss-model.ts";
export type { Refusal, Router } from "./router.ts";
export { simulate, type SimulateOptions, type SimulationProgram, type SimulationResult } from "./simulate.ts";
export type {
  LinkOptions,
  Partition,
  RouterSettings,
  SimLink,
  Simulation,
  SimulationOptions,
  SimulationReport,
} from "./simulation.ts";
export { runScenario, type ScenarioEndings, type ScenarioOptions } from "./scenario.ts";
export { runScenarios, type SeedsOptions, type SeedsReport } from "./scenario-seeds.ts";
