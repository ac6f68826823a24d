import { Buffer } from "node:buffer";

import { assert } from "../src/base/assert.ts";
import { demoRoutes } from "../src/http/demo-routes.ts";
import { DEFAULT_LIMITS } from "../src/http/limits.ts";
import { RequestHead } from "../src/http/request-head.ts";
import { HttpServer } from "../src/http/server.ts";
import type { Transport } from "../src/http/transport.ts";
import { VirtualTimebase } from "../test/support/virtual-timebase.ts";
import type { Bench } from "./harness.ts";

const WRK = Buffer.from("GET / HTTP/1.1\r\nHost: 198.18.0.2:8080\r\n\r\n");
const CHROMIUM = Buffer.from(
  "GET /index.html?page=1 HTTP/1.1\r\nHost: 198.18.0.2:8080\r\nConnection: keep-alive\r\nCache-Control: max-age=0\r\n" +
    "Upgrade-Insecure-Requests: 1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 " +
    "Safari/537.36\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8\r\n" +
    "Accept-Encoding: gzip, deflate\r\nAccept-Language: en-US,en;q=0.9\r\n\r\n",
);

function parse(request: Uint8Array): (n: number) => number {
  const head = new RequestHead(DEFAULT_LIMITS);
  return (n) => {
    let hash = 0;
    for (let i = 0; i < n; i++) {
      head.reset();
      head.feed(request, 0, request.length);
      assert(head.complete && head.failure === null, "the request is well-formed");
      hash = (hash + head.length + head.fields.count) | 0;
    }
    return hash;
  };
}

/** From a delivery to the response given to `send`: parser, handler, encoder, deadlines. */
function serve(request: Uint8Array): (n: number) => number {
  const server = new HttpServer({ handler: demoRoutes(), timebase: new VirtualTimebase(), wallClockMs: () => 0 });
  let sent = 0;
  const transport: Transport = {
    localAddress: "198.18.0.2",
    localPort: 8080,
    remoteAddress: "198.18.0.1",
    remotePort: 40_000,
    queuedOctets: 0,
    send: (octets, start = 0, end = octets.length) => {
      sent = (sent + end - start) | 0;
      return true;
    },
    end: () => undefined,
    abort: () => undefined,
    pause: () => undefined,
    resume: () => undefined,
  };
  const connection = server.accept(transport);
  return (n) => {
    sent = 0;
    for (let i = 0; i < n; i++) connection.data(transport, request, 0, request.length);
    return sent;
  };
}

/** What a request costs above TCP, for the request that wrk sends and for a browser's. */
export async function httpParser(bench: Bench): Promise<void> {
  await bench.bench("http/request-head: wrk's request", { smoke: 100, full: 2_000_000 }, parse(WRK));
  await bench.bench("http/request-head: Chromium's request", { smoke: 100, full: 500_000 }, parse(CHROMIUM));
  await bench.bench("http/server: wrk's request to its response", { smoke: 100, full: 1_000_000 }, serve(WRK));
}
