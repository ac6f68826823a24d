import { beforeAll, expect, test } from "vitest";
import { runScript, type ScriptRun } from "../support/namespace.ts";

const main = new URL("../../src/cli/main.ts", import.meta.url);

let run: ScriptRun;
let lines: string[];

beforeAll(async () => {
  run = await runScript(main, ["demo"]);
  lines = run.stdout.split("\n");
});

/** `client state | arrow | server state listener` of each segment. */
const segments = (): string[][] =>
  lines
    .filter((line) => / ms {2}/.test(line))
    .map((line) => {
      const [left = "", arrow = "", right = ""] = line.split("|");
      return [left.trim().split(/ +/)[2], arrow.replace(/^[<-]+|[->]+$/g, "").trim(), ...right.trim().split(/ +/)];
    });

test("design.md §1: the demo ends with status 0, in plain text", () => {
  expect(run).toMatchObject({ status: 0, stderr: "" });
  // eslint's no-control-regex is right about regular expressions; this is a plain character.
  expect(run.stdout).not.toContain("\u001b");
});

test("RFC 9293 §3.5 Figure 6: SYN, SYN-ACK and ACK open both sockets, and the port is 80 in each", () => {
  const [syn, synAck, ack] = segments();
  const [, port = ""] = /^(\d+) > 80/.exec(syn[1]) ?? [];
  expect(Number(port)).toBeGreaterThan(1023);
  expect(syn).toEqual(["SYN-SENT", `${port} > 80  SYN  seq=0 len=0 win=65535`, "SYN-RECEIVED", "LISTEN"]);
  expect(synAck[0]).toBe("ESTABLISHED");
  expect(synAck[1]).toMatch(new RegExp(`^80 > ${port} {2}SYN,ACK {2}seq=0 ack=1 len=0`));
  expect(ack[1]).toMatch(new RegExp(`^${port} > 80 {2}ACK {2}seq=1 ack=1 len=0`));
  expect([ack[0], ack[2]]).toEqual(["ESTABLISHED", "ESTABLISHED"]);
});

test("RFC 9293 §3.6: both FINs are acknowledged, and who closed first lingers in TIME-WAIT", () => {
  const fins = segments().filter(([, arrow]) => arrow.includes("FIN"));
  expect(fins).toHaveLength(2);
  const last = segments().at(-1) ?? [];
  expect(last[0]).toBe("TIME-WAIT");
  expect(last[2]).toBe("CLOSED");
  expect(run.stdout).toMatch(/connected +TIME-WAIT +<198\.18\.0\.2, 80, 198\.18\.0\.1, \d+>/);
});

test("the listening socket is the same after every segment, and received the SYN alone", () => {
  expect(segments().length).toBeGreaterThanOrEqual(7);
  for (const segment of segments()) expect(segment.at(-1)).toBe("LISTEN");
  expect(run.stdout).toMatch(/for the listening socket \(the SYN\) +1$/m);
  expect(lines.filter((line) => /listening +LISTEN +<\*, \*, \*, 80>/.test(line))).toHaveLength(4);
});

test("no new port is made: connected sockets share port 80 and differ in their four-tuples", () => {
  expect(run.stdout).toMatch(/source port of the \d+ segments that the server sent +80$/m);
  expect(run.stdout).toMatch(/local port of the 3 sockets of the crowd +80$/m);
  const tuples = run.stdout.match(/ESTABLISHED +<198\.18\.0\.1, \d+, 198\.18\.0\.2, 80>/g) ?? [];
  expect(new Set(tuples).size).toBe(4);
});

test("the request travels with its response", () => {
  expect(run.stdout).toContain("HTTP/1.1 200 OK");
  const text = segments().filter(([, arrow]) => !`${arrow} `.includes("len=0 "));
  expect(text).toHaveLength(2);
});
