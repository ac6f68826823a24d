import type { Offload } from "../device/device.ts";
import type { TcpPath } from "../tcp/tcb.ts";

/** The links of a stack, by number: what TCP must know of each device. Number 0 is the loopback's. */
export class Links {
  readonly #paths: TcpPath[] = [];

  get count(): number {
    return this.#paths.length;
  }

  add(mtu: number, offload: Offload): number {
    const link = this.#paths.length;
    this.#paths.push({ link, mtu, segmentMax: offload.segmentMax });
    return link;
  }

  path(link: number): TcpPath {
    return this.#paths[link];
  }
}
