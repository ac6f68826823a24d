/** What a server under test does: each subject plays each of its roles in a process of its own. */
export const ROLES = [
  "sink", // Discards.
  "source", // Never stops sending.
  "http", // Answers with `BODY`: our HTTP server, or `node:http`.
  "http-node", // The same by `node:http`, over our sockets too.
  "answer", // Answers whatever comes with a canned response.
  "echo", // Sends back what comes; beside it a sink and a source, on the next two ports.
  "idle", // Only has connections: those of the callback API, or of `node:net`.
  "idle-streams", // The same with a stream for each: ours, or of `node:net`.
] as const;
export type Role = (typeof ROLES)[number];

/** All roles listen here. */
export const PORT = 8080;
/** Beside an echo. */
export const SINK_PORT = PORT + 1;
export const SOURCE_PORT = PORT + 2;
/** For servers whose backlog can be chosen. */
export const BACKLOG = 4096;
/** What a source sends at a time, again and again: of 64 KiB, 256 KiB and 1 MiB what costs `node:net` the least CPU for an octet. */
export const SOURCE_BLOCK = new Uint8Array(1_048_576).fill(0x61);
/** The HTTP body: 100 octets. */
export const BODY = new TextEncoder().encode(
  "Hello: a hundred octets of plain text, the same from each server under test.".padEnd(99, ".") + "\n",
);
/** Whatever the request was; an HTTP response with `BODY`. */
export const ANSWER = new TextEncoder().encode(
  `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\n${new TextDecoder().decode(BODY)}`,
);

/** What a server prints when it accepts connections, and when it has collected its garbage. */
export const READY = "ready\n";
export const COLLECTED = "collected\n";

/** The role that was asked for on the command line. */
export function roleOf(text: string | undefined): Role {
  const role = ROLES.find((name) => name === text);
  if (role === undefined) throw new Error(`no role ${String(text)}`);
  return role;
}

/** Tells the benchmark that connections are accepted from now on, ends with it, and collects garbage when it says SIGUSR2. */
export function ready(): void {
  const collect = globalThis.gc;
  if (collect !== undefined) {
    process.on("SIGUSR2", () => {
      // What a first collection finds to be finalized, a second one frees.
      collect();
      collect();
      process.stdout.write(COLLECTED);
    });
  }
  process.stdout.write(READY);
  process.stdin.on("end", () => process.exit(0)).resume();
}
