/** What a server under test does: each subject plays each role in a process of its own. */
export type Role = "sink" | "source" | "http" | "answer";

/** All roles listen here. */
export const PORT = 8080;
/** What a source sends at a time, again and again: of 64 KiB, 256 KiB and 1 MiB what costs `node:net` the least CPU for an octet. */
export const SOURCE_BLOCK = new Uint8Array(1_048_576).fill(0x61);
/** The HTTP body: 100 octets. */
export const BODY = new TextEncoder().encode(
  "Hello: a hundred octets of plain text, the same from each server under test.".padEnd(99, ".") + "\n",
);
/** Whatever the request was; the length of an HTTP response with `BODY`. */
export const ANSWER = new TextEncoder().encode(
  `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\n${new TextDecoder().decode(BODY)}`,
);

/** The role that was asked for on the command line. */
export function roleOf(text: string | undefined): Role {
  if (text === "sink" || text === "source" || text === "http" || text === "answer") return text;
  throw new Error(`no role ${String(text)}`);
}

/** Tells the benchmark that connections are accepted from now on, and ends with it. */
export function ready(): void {
  process.stdout.write("ready\n");
  process.stdin.on("end", () => process.exit(0)).resume();
}
