import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

import { fixturePath } from "./fixtures.ts";

/** A run of `openssl` (or curl) that has ended. */
export interface ProgramRun {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const collect = (program: ChildProcessWithoutNullStreams): Promise<ProgramRun> =>
  new Promise((resolve, reject) => {
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    program.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    program.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    program.on("error", reject);
    program.stdin.on("error", () => {
      // It has ended before it had read everything.
    });
    program.on("close", (status) => {
      resolve({ status, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() });
    });
  });

/** Runs a program to its end, with `input` on its standard input. */
export function runProgram(
  name: string,
  args: readonly string[],
  input: Uint8Array | null = null,
): Promise<ProgramRun> {
  const program = spawn(name, args);
  const ended = collect(program);
  if (input === null) program.stdin.end();
  else program.stdin.end(input);
  return ended;
}

/** `openssl s_client` to `host`; its input stays open until the server ends the connection. */
export function sClient(
  port: number,
  args: readonly string[],
  input: Uint8Array = Buffer.alloc(0),
  host = "127.0.0.1",
): Promise<ProgramRun> {
  const program = spawn("openssl", ["s_client", "-connect", `${host}:${port}`, "-tls1_2", ...args]);
  const ended = collect(program);
  program.stdin.write(input);
  return ended;
}

export interface SServer {
  readonly port: number;
  /** What it has printed. */
  readonly output: () => Buffer;
  readonly send: (octets: Uint8Array) => void;
  readonly stop: () => Promise<void>;
}

/** `openssl s_server` with a certificate of the fixtures, on a free port of this machine's `host`. */
export async function sServer(
  certificate: "rsa" | "ecdsa",
  args: readonly string[],
  host = "127.0.0.1",
): Promise<SServer> {
  const files = ["-cert", fixturePath(`${certificate}.pem`), "-key", fixturePath(`${certificate}.key`)];
  const program = spawn("openssl", ["s_server", "-accept", `${host}:0`, "-tls1_2", ...files, ...args]);
  const ended = collect(program);
  const chunks: Buffer[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    let head = "";
    const look = (chunk: Buffer): void => {
      head += chunk.toString("latin1");
      const found = /ACCEPT [\d.]+:(\d+)\n/.exec(head);
      if (found === null) return;
      program.stdout.off("data", look);
      program.stdout.on("data", (later: Buffer) => chunks.push(later));
      resolve(Number(found[1]));
    };
    program.stdout.on("data", look);
    program.on("close", () => reject(new Error("s_server has ended")));
  });
  return {
    port,
    output: () => Buffer.concat(chunks),
    send: (octets) => void program.stdin.write(octets),
    stop: async () => {
      program.kill();
      await ended;
    },
  };
}

/** A listening socket of the kernel whose connections go to `accept`. */
export async function kernelServer(accept: (socket: Socket) => void): Promise<{ port: number; server: Server }> {
  const server = createServer({ allowHalfOpen: true }, accept);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, server };
}

export const kernelSocket = (port: number): Socket => connect({ port, host: "127.0.0.1", allowHalfOpen: true });
