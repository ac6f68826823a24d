import { execFile } from "node:child_process";
import { once } from "node:events";
import { request as nodeRequest } from "node:http";
import net from "node:net";
import { promisify } from "node:util";

import { afterAll, beforeAll, expect, test } from "vitest";

import { demoRoutes } from "../../src/http/demo-routes.ts";
import { HttpServer } from "../../src/http/server.ts";
import { VirtualTimebase } from "../support/virtual-timebase.ts";
import { WALL_MS } from "./support/memory-client.ts";

const run = promisify(execFile);
const http = new HttpServer({ handler: demoRoutes(), timebase: new VirtualTimebase(), wallClockMs: () => WALL_MS });
const listener = net.createServer((socket) => {
  http.serve(socket);
});
let port = 0;

beforeAll(async () => {
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  port = (listener.address() as net.AddressInfo).port;
});
afterAll(async () => {
  listener.close();
  await http.close();
});

/** Sends `text` over the kernel's TCP and returns all that comes until the server ends. */
async function raw(text: string): Promise<string> {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.write(text, "latin1");
  let answer = "";
  for await (const chunk of socket) answer += (chunk as Buffer).toString("latin1");
  return answer;
}

async function post(body: Buffer): Promise<Buffer> {
  const request = nodeRequest({ port, host: "127.0.0.1", method: "POST", path: "/echo", agent: false });
  request.end(body);
  const [response] = (await once(request, "response")) as [AsyncIterable<Buffer>];
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece);
  return Buffer.concat(pieces);
}

const curl = async (...args: string[]): Promise<string> =>
  (await run("curl", ["-sS", "--max-time", "10", ...args], { maxBuffer: 2 ** 26 })).stdout;
const url = (path: string): string => `http://127.0.0.1:${String(port)}${path}`;

test("curl: GET, HEAD, 204, 404 and two requests over one connection", async () => {
  expect((await curl(url("/"))).length).toBe(100);
  expect(await curl("-I", url("/"))).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*content-length: 100\r\n/);
  const format = "%{http_code} %{num_connects}\n";
  expect(await curl("-w", format, url("/nocontent"), url("/nocontent"))).toBe("204 1\n204 0\n");
  expect(await curl("-o", "/dev/null", "-w", "%{http_code}", url("/x"))).toBe("404");
});

test("curl: an echo of a body with Expect: 100-continue, of both framings", async () => {
  const body = "x".repeat(100_000);
  expect(await curl("-H", "Expect: 100-continue", "-d", body, url("/echo"))).toBe(body);
  expect(await curl("-H", "Transfer-Encoding: chunked", "-d", body, url("/echo"))).toBe(body);
});

test("node:http: an echo of 8 MiB comes back whole while both sides push back", async () => {
  const body = Buffer.alloc(2 ** 23, "0123456789abcdef");
  expect((await post(body)).equals(body)).toBe(true);
});

test("RFC 9112 §9.6: an error response reaches a client that is still sending", async () => {
  const answer = await raw(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n${"y".repeat(500_000)}`);
  expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*malformed Content-Length\n$/);
});

test("a client that half-closes behind its requests gets all responses", async () => {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.end("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(50));
  let answer = "";
  for await (const chunk of socket) answer += (chunk as Buffer).toString("latin1");
  expect(answer.split("HTTP/1.1 200 OK").length).toBe(51);
});
