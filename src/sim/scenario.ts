import type { SimHost } from "./host.ts";
import { type ConnectionPlan, type Disturbance, drawPlan, type HostPlan, type ScenarioPlan } from "./scenario-plan.ts";
import { type Ending, runClient, startServer } from "./scenario-programs.ts";
import type { Router } from "./router.ts";
import { simulate, type SimulateOptions, type SimulationResult } from "./simulate.ts";
import type { SimLink, Simulation } from "./simulation.ts";
import type { SimNode } from "./topology.ts";

/** Everything has ended or failed long before. */
const LIMIT_MS = 3_600_000;

/** How each connection ended for its client, or "crashed" with it. */
export type ScenarioEndings = readonly Ending[];

export type ScenarioOptions = Omit<SimulateOptions, "seed" | "limitMs">;

/** One run of the mixed-fault scenario. */
class Scenario {
  readonly #sim: Simulation;
  readonly #plan: ScenarioPlan;
  readonly #hosts: SimHost[] = [];
  readonly #crashes = new Map<SimHost, () => void>();
  readonly #routers: Router[] = [];
  #troubled: SimLink | null = null;

  constructor(sim: Simulation, plan: ScenarioPlan) {
    this.#sim = sim;
    this.#plan = plan;
  }

  async run(): Promise<ScenarioEndings> {
    for (const [i, host] of this.#plan.hosts.entries()) this.#hosts.push(await this.#addHost(i, host));
    this.#troubled = this.#join();
    startServer(this.#server);
    const disturbed = this.#plan.disturbances.map((disturbance) => this.#disturb(disturbance));
    const endings = await Promise.all(this.#plan.connections.map((connection) => this.#connect(connection)));
    await Promise.all(disturbed);
    return endings;
  }

  get #server(): SimHost {
    return this.#hosts[0];
  }

  #addHost(i: number, { offload, tcp, clockMs }: HostPlan): Promise<SimHost> {
    return this.#sim.host(`h${String(i)}`, { address: `10.0.0.${String(i + 1)}/24`, offload, clockMs, tcp });
  }

  /** Clients, routers and server in a row; the link between two routers has the faults, else the one at the server. */
  #join(): SimLink {
    const { there, back, routers, dropThere } = this.#plan;
    const clients: SimNode[] = this.#hosts.slice(1);
    let near = clients;
    let far: SimNode = this.#server;
    if (routers > 0) near = [this.#router("r0", clients)];
    if (routers > 1) far = this.#router("r1", [this.#server]);
    const link = this.#sim.link(near[0], far, { ...there, back });
    let count = 0;
    if (dropThere.length > 0) link.there.intercept = () => (dropThere.includes(++count) ? "drop" : "pass");
    return link;
  }

  #router(name: string, neighbours: readonly SimNode[]): SimNode {
    const router = this.#sim.router(name);
    this.#routers.push(router);
    for (const node of neighbours) this.#sim.link(node, router, { delayMs: 0.2 });
    return router;
  }

  async #connect(plan: ConnectionPlan): Promise<Ending> {
    await this.#sim.sleep(plan.startMs);
    const host = this.#hosts[plan.client];
    if (!host.up) return "crashed";
    const crashed = new Promise<Ending>((resolve) => {
      const before = this.#crashes.get(host);
      this.#crashes.set(host, () => {
        before?.();
        resolve("crashed");
      });
    });
    return Promise.race([runClient(host, this.#server, plan), crashed]);
  }

  async #disturb({ kind, atMs, forMs, host: place, restarts }: Disturbance): Promise<void> {
    const host = this.#hosts[place];
    await this.#sim.sleep(atMs);
    switch (kind) {
      case "partition": {
        const partition = this.#sim.partition([this.#server], this.#hosts.slice(1));
        await this.#sim.sleep(forMs);
        partition.heal();
        return;
      }
      case "link-down":
        this.#troubled?.down();
        await this.#sim.sleep(forMs);
        this.#troubled?.up();
        return;
      case "no-route": {
        const refusals = this.#routers.map((router) => router.refuse(`${host.address}/32`));
        await this.#sim.sleep(forMs);
        for (const refusal of refusals) refusal.end();
        return;
      }
      case "pause":
        if (!host.running) return;
        host.pause();
        await this.#sim.sleep(forMs);
        if (host.up) host.resume();
        return;
      case "crash":
        host.crash();
        this.#crashes.get(host)?.();
        await this.#sim.sleep(forMs);
        if (!restarts) return;
        await host.start();
        if (host === this.#server) startServer(host);
    }
  }
}

/**
 * A few connections with a few exchanges each and a transfer of some 100,000 octets, while everything that can happen to
 * a network happens to theirs. All of it follows from `seed`. What must hold is checked by the simulation itself; besides,
 * a connection that closed in order must have brought its client all that it asked for.
 *
 * Errors: `SimulationFailure`.
 */
export function runScenario(seed: number, options: ScenarioOptions = {}): Promise<SimulationResult<ScenarioEndings>> {
  return simulate({ ...options, seed, limitMs: LIMIT_MS }, (sim) => new Scenario(sim, drawPlan(seed)).run());
}
