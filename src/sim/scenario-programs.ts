import type { Socket } from "../sockets/socket.ts";
import type { ConnectionPlan } from "./scenario-plan.ts";
import type { SimHost } from "./host.ts";

/** Where the scenario's server listens. */
export const SERVER_PORT = 7777;
/** Request length, response length, and whether the server ends behind the response: three words in front of a request. */
const HEADER = 12;
/** A side that hears nothing for so long gives up: its peer may have crashed while nothing was outstanding. */
const SILENCE_MS = 400_000;

/** How a connection ended for its client: in order, or with the code of the error. */
export type Ending = "ok" | "timeout" | "short" | (string & {});

/** Octets that say where in the stream they stand. */
function pattern(length: number, from: number): Uint8Array {
  const octets = new Uint8Array(length);
  for (let i = 0; i < length; i++) octets[i] = ((from + i) * 31) ^ ((from + i) >> 8);
  return octets;
}

function codeOf(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  throw error;
}

/** Answers requests until its client ends, or asks it to end. */
function serve(socket: Socket): void {
  let waiting = Buffer.alloc(0);
  let sent = 0;
  socket.setTimeout(SILENCE_MS, () => socket.destroy());
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Buffer) => {
    waiting = Buffer.concat([waiting, chunk]);
    while (waiting.length >= HEADER && waiting.length >= HEADER + waiting.readUInt32BE(0)) {
      const response = waiting.readUInt32BE(4);
      const ends = waiting.readUInt32BE(8) === 1;
      waiting = waiting.subarray(HEADER + waiting.readUInt32BE(0));
      if (!socket.writable) return;
      socket.write(pattern(response, sent));
      sent += response;
      if (ends) socket.end();
    }
  });
}

/** Begins to listen on `host`. */
export function startServer(host: SimHost): void {
  host.net.createServer(serve).listen(SERVER_PORT);
}

/** One client's side of one connection. */
class Client {
  readonly #host: SimHost;
  readonly #socket: Socket;
  readonly #plan: ConnectionPlan;
  #received = 0;
  #expected = 0;
  #sent = 0;
  #code: string | null = null;
  #wake: () => void = () => undefined;
  #ended = false;

  constructor(host: SimHost, server: SimHost, plan: ConnectionPlan) {
    this.#host = host;
    this.#plan = plan;
    this.#socket = host.net.connect({ host: server.address, port: SERVER_PORT });
    this.#socket.setNoDelay(plan.noDelay);
    this.#socket.setTimeout(SILENCE_MS, () => {
      this.#code ??= "timeout";
      this.#socket.destroy();
    });
  }

  run(): Promise<Ending> {
    const socket = this.#socket;
    socket.on("data", (chunk: Buffer) => {
      this.#received += chunk.length;
      this.#rest();
      this.#wake();
    });
    socket.on("error", (error) => {
      this.#code ??= codeOf(error);
    });
    socket.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
    return new Promise((resolve, reject) => {
      socket.on("close", () => {
        this.#ended = true;
        this.#wake();
        resolve(this.#ending());
      });
      this.#talk().catch(reject);
    });
  }

  #ending(): Ending {
    const cutShort = this.#plan.ending === "client destroys" || this.#plan.ending === "client resets";
    return this.#code ?? (this.#received < this.#expected && !cutShort ? "short" : "ok");
  }

  /** A slow reader. */
  #rest(): void {
    const { readRestMs } = this.#plan;
    if (readRestMs === 0) return;
    this.#socket.pause();
    void this.#host.sleep(readRestMs).then(() => this.#socket.resume());
  }

  async #talk(): Promise<void> {
    const { exchanges, ending } = this.#plan;
    for (let i = 0; i < exchanges.length && !this.#ended; i++) {
      const [request, response] = exchanges[i];
      const isLast = i === exchanges.length - 1;
      const serverEnds = isLast && (ending === "server" || ending === "both");
      this.#request(request, response, serverEnds);
      this.#expected += response;
      if (isLast && ending === "both") this.#socket.end();
      if (isLast && ending === "client destroys") this.#socket.destroy();
      if (isLast && ending === "client resets") this.#socket.resetAndDestroy();
      await this.#answered();
    }
    if (ending === "client") this.#socket.end();
  }

  #request(request: number, response: number, serverEnds: boolean): void {
    const header = Buffer.alloc(HEADER);
    header.writeUInt32BE(request, 0);
    header.writeUInt32BE(response, 4);
    header.writeUInt32BE(serverEnds ? 1 : 0, 8);
    this.#socket.write(header);
    this.#socket.write(pattern(request, this.#sent));
    this.#sent += request;
  }

  /** Resolves when everything that was asked for has come, or nothing more will. */
  async #answered(): Promise<void> {
    while (this.#received < this.#expected && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** Does what `plan` says, from `host`; resolves when its socket has closed. Never, where the host crashes. */
export function runClient(host: SimHost, server: SimHost, plan: ConnectionPlan): Promise<Ending> {
  return new Client(host, server, plan).run();
}
