import { Buffer } from "node:buffer";

import { describe, expect, test } from "vitest";

import type { BodySink } from "../../src/http/body-flow.ts";
import { demoRoutes } from "../../src/http/demo-routes.ts";
import { SLACK_MS } from "../../src/http/deadlines.ts";
import { HeaderBlock } from "../../src/http/header-block.ts";
import { HttpError } from "../../src/http/http-error.ts";
import type { HttpRequest } from "../../src/http/request.ts";
import type { HttpResponse } from "../../src/http/response.ts";
import { DATE_LINE, rig, turn } from "./support/memory-client.ts";

const get = (path = "/", more = ""): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
const ok = (_request: HttpRequest, response: HttpResponse): void => {
  response.send(200, null, "ok");
};

describe("persistence, RFC 9112 §9.3", () => {
  test.each([
    ["HTTP/1.1 persists", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", null],
    ["close ends HTTP/1.1", "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n", "close"],
    ["HTTP/1.0 ends", "GET / HTTP/1.0\r\n\r\n", "close"],
    ["keep-alive holds HTTP/1.0", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "keep-alive"],
    [
      "close is stronger than keep-alive",
      "GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
      "close",
    ],
  ])("%s", (_name, request, says) => {
    const client = rig(ok).client().write(request);
    expect(/connection: (.*)\r\n/.exec(client.text)?.[1] ?? null).toBe(says);
    expect(client.ended).toBe(says === "close");
  });

  test("the last request that a connection may make is answered with close", () => {
    const client = rig(ok, { limits: { requestsPerConnection: 2 } })
      .client()
      .write(get())
      .write(get());
    expect(client.statuses).toEqual([200, 200]);
    expect(client.text.split("connection: close").length).toBe(2);
    expect(client.ended).toBe(true);
  });
});

describe("pipelining, RFC 9112 §9.3.2", () => {
  test("requests of one delivery are answered in order, each with one piece", () => {
    const client = rig((request, response) => {
      response.send(200, null, request.path);
    }).client();
    client.write(get("/1") + get("/2") + get("/3"));
    expect(client.pieces.length).toBe(3);
    expect([...client.text.matchAll(/\r\n\r\n(\/\d)/g)].map((match) => match[1])).toEqual(["/1", "/2", "/3"]);
  });

  test("requests behind one in work wait, unread, and the transport is paused", async () => {
    const waiting: HttpResponse[] = [];
    const { client: connect } = rig((_request, response) => void waiting.push(response));
    const client = connect().write(get("/1") + get("/2"));
    expect([waiting.length, client.paused]).toEqual([1, true]);
    waiting[0].send(200, null, "first");
    expect([waiting.length, client.paused]).toEqual([2, false]);
    waiting[1].send(200, null, "second");
    await turn();
    expect(client.text.indexOf("first")).toBeLessThan(client.text.indexOf("second"));
  });

  test("a client that reads no responses gets no more requests handled", () => {
    let handled = 0;
    const client = rig((_request, response) => {
      handled++;
      response.send(200);
    }).client();
    client.highWater = 1;
    client.write(get().repeat(5));
    expect([handled, client.paused]).toEqual([1, true]);
    client.highWater = Infinity;
    client.drain();
    expect([handled, client.paused]).toEqual([5, false]);
  });

  test("after the client's FIN what was pipelined is still answered, then comes our FIN", async () => {
    const { client: connect } = rig(async (_request, response) => {
      await turn();
      response.send(200);
    });
    const client = connect()
      .write(get() + get())
      .finish();
    for (let i = 0; i < 5; i++) await turn();
    expect(client.statuses).toEqual([200, 200]);
    expect(client.ended).toBe(true);
  });

  test("a request after one that said close is not handled", () => {
    const client = rig(ok)
      .client()
      .write(get("/", "Connection: close\r\n") + get());
    expect(client.statuses).toEqual([200]);
  });
});

describe("bodies of requests", () => {
  const post = (more: string): string => `POST /echo HTTP/1.1\r\nHost: a\r\n${more}\r\n`;

  test("RFC 9112 §6: an echo of both framings, cut anywhere", () => {
    for (const request of [
      post("Content-Length: 5\r\n") + "hello",
      post("Transfer-Encoding: chunked\r\n") + "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    ]) {
      for (const step of [1, 2, 7, 1000]) {
        const client = rig(demoRoutes())
          .client()
          .writeBy(request + get(), step);
        expect(client.statuses).toEqual([200, 200]);
        expect(client.text.replace(/\r\n[0-5]\r\n|^[0-5]\r\n/gm, "")).toContain("hello");
      }
    }
  });

  test("long deliveries are echoed from memory of their own: what was lent dies with the call", () => {
    const client = rig(demoRoutes()).client();
    client.write(post("Content-Length: 20000\r\n") + "y".repeat(20_000));
    expect(client.text.endsWith("\r\n\r\n" + "y".repeat(20_000))).toBe(true);
  });

  test("a body that waits unread, whole, outlives the client's FIN", async () => {
    const seen: string[] = [];
    const { client: connect } = rig(async (request, response) => {
      await turn();
      seen.push(await request.body.text());
      response.send(200);
    });
    const client = connect()
      .write(post("Content-Length: 5\r\n") + "hello")
      .finish();
    for (let i = 0; i < 4; i++) await turn();
    expect([seen, client.statuses, client.ended]).toEqual([["hello"], [200], true]);
  });

  test("octets wait in the client while nobody reads, and flow while somebody does", async () => {
    let sink: { request: HttpRequest; response: HttpResponse } | null = null;
    const { client: connect } = rig((request, response) => void (sink = { request, response }));
    const client = connect().write(post("Content-Length: 6\r\n") + "abc");
    expect(client.paused).toBe(true);
    const { request, response } = sink as unknown as { request: HttpRequest; response: HttpResponse };
    const text = request.body.text();
    expect(client.paused).toBe(false);
    client.write("def");
    expect(await text).toBe("abcdef");
    response.send(200);
    expect(client.statuses).toEqual([200]);
  });

  test("iteration pauses the client above its mark and gives every octet", async () => {
    const seen: number[] = [];
    const { client: connect } = rig(async (request, response) => {
      for await (const piece of request.body) seen.push(piece.length);
      response.send(200);
    });
    const client = connect().write(post("Content-Length: 200000\r\n"));
    client.write(Buffer.alloc(100_000)).write(Buffer.alloc(100_000));
    expect(client.paused).toBe(true);
    for (let i = 0; i < 5; i++) await turn();
    expect([client.paused, seen]).toEqual([false, [100_000, 100_000]]);
    expect(client.statuses).toEqual([200]);
  });

  test("a body that nobody reads is thrown away and the connection goes on", () => {
    const client = rig(ok)
      .client()
      .write(post("Content-Length: 3\r\n"))
      .write("abc" + get());
    expect(client.statuses).toEqual([200, 200]);
  });

  test("a body that nobody reads and that is too long to throw away ends the connection", () => {
    const client = rig(ok, { limits: { drainedOctets: 2 } })
      .client()
      .write(post("Content-Length: 3\r\n"));
    expect(client.text).toContain("connection: close");
    expect(client.ended).toBe(true);
    const chunked = rig(ok, { limits: { drainedOctets: 2 } })
      .client()
      .write(post("Transfer-Encoding: chunked\r\n"));
    expect(chunked.ended).toBe(false);
    chunked.write("3\r\nabc\r\n");
    expect(chunked.ended).toBe(true);
  });

  test("RFC 9110 §10.1.1: 100 is sent when the body is asked for, and only then", () => {
    const expecting = post("Content-Length: 3\r\nExpect: 100-Continue\r\n");
    const client = rig(demoRoutes()).client().write(expecting);
    expect(client.text).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    client.write("abc");
    expect(client.text.endsWith("\r\n\r\nabc")).toBe(true);
    expect(client.ended).toBe(false);
    const refused = rig(ok).client().write(expecting);
    expect([refused.statuses, refused.ended]).toEqual([[200], true]); // It may send the body or not: nobody can tell.
    const early = rig(demoRoutes()).client().write(`${expecting}abc`);
    expect(early.statuses).toEqual([200]);
  });

  test("RFC 9112 §8: a body cut short by FIN is an error to its reader", async () => {
    const { client: connect, errors } = rig(async (request, response) => {
      response.send(200, null, await request.body.text());
    });
    const client = connect()
      .write(post("Content-Length: 5\r\n") + "abc")
      .finish();
    await turn();
    expect(errors).toMatchObject([{ code: "ERR_HTTP_ABORTED" }]);
    expect(client.text).not.toContain("abc");
  });

  test("a reader that throws is answered with 500, and the framing is kept", () => {
    const broken: BodySink = {
      data: () => {
        throw new Error("broken");
      },
      end: () => undefined,
      error: () => undefined,
    };
    const { client: connect, errors } = rig((request, response) => {
      if (request.method === "GET") response.send(204);
      else request.body.read(broken);
    });
    const client = connect().write(post("Content-Length: 3\r\n") + "abc" + get());
    expect(client.statuses).toEqual([500, 204]);
    expect(errors.length).toBe(1);
  });
});

describe("responses", () => {
  test("RFC 9110 §6.6.1, RFC 9112 §4: status line, Date, length and content leave as one piece", () => {
    const client = rig(ok).client().write(get());
    expect(client.pieces.length).toBe(1);
    expect(client.text).toBe(`HTTP/1.1 200 OK\r\n${DATE_LINE}content-length: 2\r\n\r\nok`);
  });

  test("RFC 9110 §6.6.1: Date follows the wall clock", () => {
    const { client: connect, time } = rig(ok);
    connect().write(get());
    time.advance(1000);
    expect(connect().write(get()).text).toContain("date: Sun, 06 Nov 1994 08:49:38 GMT");
  });

  test("RFC 9112 §4, §6.2, §9.6: a prepared block says what each response is, whatever the one before it was", () => {
    const block = new HeaderBlock({ "x-of": "block" });
    const answers: ((response: HttpResponse) => void)[] = [
      (response) => { response.send(200, block, "ok"); },
      (response) => { response.send(404, block, "x".repeat(1000)); },
      (response) => { response.send(204, block); },
      (response) => { response.send(200, block, ""); },
      (response) => { response.send(200, block, new Uint8Array(10).fill(0x61)); },
      (response) => { response.closeAfter = true; response.send(200, block, "bye"); },
    ]; // prettier-ignore
    const one = rig((_request, response) => answers.shift()?.(response));
    const client = one.client();
    for (let i = 0; i < 4; i++) client.write(get());
    one.time.advance(1000);
    for (let i = 0; i < 2; i++) client.write(get());
    const other = rig((_request, response) => {
      response.send(200, block, "else");
    });
    other.time.advance(2000);
    const later = DATE_LINE.replace(":37", ":38");
    const head = (status: string, date: string, more = ""): string =>
      `HTTP/1.1 ${status}\r\n${date}${more}x-of: block\r\n`;
    expect(client.pieces.map((piece) => Buffer.from(piece).toString("latin1"))).toEqual([
      `${head("200 OK", DATE_LINE)}content-length: 2\r\n\r\nok`,
      `${head("404 Not Found", DATE_LINE)}content-length: 1000\r\n\r\n${"x".repeat(1000)}`,
      `${head("204 No Content", DATE_LINE)}\r\n`,
      `${head("200 OK", DATE_LINE)}content-length: 0\r\n\r\n`,
      `${head("200 OK", later)}content-length: 10\r\n\r\naaaaaaaaaa`,
      `${head("200 OK", later, "connection: close\r\n")}content-length: 3\r\n\r\nbye`,
    ]);
    expect(other.client().write(get()).text).toContain("08:49:39 GMT");
  });

  test("RFC 9110 §9.3.2: HEAD has the fields of GET and no content", () => {
    const head = rig(demoRoutes()).client().write("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").text;
    const whole = rig(demoRoutes()).client().write(get()).text;
    expect(whole.slice(head.length).length).toBe(100);
    expect(whole.startsWith(head)).toBe(true);
  });

  test("a long body is a piece of its own and is not copied", () => {
    const body = Buffer.alloc(5000, 1);
    const client = rig((_request, response) => {
      response.send(200, null, body);
    })
      .client()
      .write(get());
    expect(client.pieces[1]).toEqual(body);
    expect(client.pieces[1].buffer).toBe(body.buffer);
  });

  test("text is sent as UTF-8, its length in octets", () => {
    const client = rig((_request, response) => {
      response.send(200, null, "grüße");
    })
      .client()
      .write(get());
    expect(client.text).toContain("content-length: 7\r\n");
    expect(Buffer.from(client.text, "latin1").toString("utf8").endsWith("grüße")).toBe(true);
  });

  test.each([
    ["CR LF in a value", { x: "a\r\nset-cookie: b" }],
    ["LF in a value", { x: "a\nb" }],
    ["NUL in a value", { x: "a\0" }],
    ["a character beyond latin1", { x: "\u{10000}" }],
    ["a space in a name", { "a b": "c" }],
    ["a colon in a name", { "a:b": "c" }],
    ["no name", { "": "c" }],
    ["Transfer-Encoding", { "Transfer-Encoding": "chunked" }],
    ["Content-Length", { "content-length": 3 }],
  ])("RFC 9110 §5: %s is the application's error", (_name, headers) => {
    const { client: connect, errors } = rig((_request, response) => {
      response.send(200, headers, "x");
    });
    const client = connect().write(get());
    expect(client.statuses).toEqual([500]);
    expect(errors).toMatchObject([{ code: "ERR_HTTP_INVALID_HEADER" }]);
  });

  test("RFC 9110 §15.3.5: 204 has neither content nor length", () => {
    const client = rig(demoRoutes()).client().write(get("/nocontent"));
    expect(client.text).toBe(`HTTP/1.1 204 No Content\r\n${DATE_LINE}\r\n`);
    const wrong = rig((_request, response) => {
      response.send(204, null, "x");
    });
    expect(wrong.client().write(get()).statuses).toEqual([500]);
    expect(wrong.errors).toMatchObject([{ code: "ERR_HTTP_CONTENT_LENGTH" }]);
  });

  async function streamed(
    request: string,
    length?: number,
  ): Promise<{ text: string; ended: boolean; aborted: boolean }> {
    const { client: connect } = rig((_request, response) => response.stream(200, null, ["ab", "", "c"], length));
    const client = connect().write(request);
    for (let i = 0; i < 3; i++) await turn();
    return client;
  }

  test("RFC 9112 §7.1: content of unknown length is chunked for HTTP/1.1, and ends with the connection for HTTP/1.0", async () => {
    expect(
      (await streamed(get())).text.endsWith("transfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
    ).toBe(true);
    const old = await streamed("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect(old.text.endsWith("connection: close\r\n\r\nabc")).toBe(true);
    expect(old.ended).toBe(true);
    expect((await streamed(get(), 3)).text.endsWith("content-length: 3\r\n\r\nabc")).toBe(true);
    expect((await streamed("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")).text.endsWith("chunked\r\n\r\n")).toBe(true);
  });

  test("RFC 9112 §8: less or more content than announced cuts the connection", async () => {
    expect((await streamed(get(), 4)).aborted).toBe(true);
    expect((await streamed(get(), 2)).aborted).toBe(true);
  });

  test("a stream goes no faster than the client", async () => {
    let given = 0;
    function* source(): Generator<Uint8Array> {
      for (; given < 100; given++) yield new Uint8Array(10_000);
    }
    const { client: connect } = rig((_request, response) => response.stream(200, null, source()));
    const client = connect();
    client.highWater = 50_000;
    client.write(get());
    for (let i = 0; i < 10; i++) await turn();
    expect(given).toBeLessThan(6);
    client.highWater = Infinity;
    client.drain();
    for (let i = 0; i < 10; i++) await turn();
    expect(given).toBe(100);
  });

  test("a source that fails after the head has left cuts the connection, before that it is a 500", async () => {
    const failing = (first: string[]) =>
      (async function* () {
        await turn();
        yield* first;
        throw new Error("disk");
      })();
    const late = rig((_request, response) => response.stream(200, null, failing(["x"])));
    const cut = late.client().write(get());
    const early = rig((_request, response) => response.stream(200, null, failing([])));
    const answered = early.client().write(get());
    for (let i = 0; i < 5; i++) await turn();
    expect([cut.aborted, late.errors.length]).toEqual([true, 1]);
    expect([answered.statuses, answered.aborted, early.errors.length]).toEqual([[500], false, 1]);
  });

  test("a client that goes away ends the stream and is no error of the handler", async () => {
    let cleaned = false;
    async function* source(): AsyncGenerator<string> {
      try {
        for (;;) {
          await turn();
          yield "x";
        }
      } finally {
        cleaned = true;
      }
    }
    const { client: connect, errors, server } = rig((_request, response) => response.stream(200, null, source()));
    const client = connect().write(get());
    await turn();
    client.disappear("ECONNRESET");
    for (let i = 0; i < 5; i++) await turn();
    expect([cleaned, errors.length, server.stats.openConnections]).toEqual([true, 0, 0]);
  });
});

describe("handlers that fail", () => {
  test.each([
    ["throws", () => { throw new Error("x"); }, 500, 1], // prettier-ignore
    ["rejects", () => Promise.reject(new Error("x")), 500, 1],
    ["resolves without a response", () => Promise.resolve(), 500, 1],
    ["throws an HttpError", () => { throw new HttpError(403); }, 403, 0], // prettier-ignore
    ["rejects with an HttpError", () => Promise.reject(new HttpError(404)), 404, 0],
    ["rejects with an HttpError that cannot have content", () => Promise.reject(new HttpError(304)), 500, 1],
    ["throws an HttpError with no status at all", () => { throw new HttpError(404.5); }, 500, 1], // prettier-ignore
  ] as const)("one that %s is answered, and the connection goes on", async (_name, handler, status, reported) => {
    const { client: connect, errors } = rig(handler);
    const client = connect().write(get());
    await turn();
    client.write(get());
    await turn();
    expect(client.statuses).toEqual([status, status]);
    expect([errors.length, client.ended]).toEqual([reported * 2, false]);
  });

  test("RFC 9110 §15.5.6: 405 names the methods that are allowed", () => {
    const client = rig(demoRoutes())
      .client()
      .write("PUT / HTTP/1.1\r\nHost: a\r\n\r\n" + get("/echo") + get("/none"));
    expect(client.statuses).toEqual([405, 405, 404]);
    expect([...client.text.matchAll(/allow: (.*)\r/g)].map((match) => match[1])).toEqual(["GET, HEAD", "POST"]);
  });

  test("a request that is over says so instead of reading memory that is not its own any more", async () => {
    let kept: HttpRequest | null = null;
    rig((request, response) => {
      kept = request;
      response.send(200);
    })
      .client()
      .write(get());
    expect(() => kept?.target).toThrow(/over/);
    let later = "";
    rig(async (request, response) => {
      response.send(200);
      await turn();
      later = `${request.target} ${String(request.headers.get("x"))}`;
    })
      .client()
      .write(get("/kept", "X: y\r\n"));
    await turn();
    await turn();
    expect(later).toBe("/kept y");
  });
});

describe("timeouts", () => {
  const timeouts = {
    keepAliveTimeoutMs: 1000,
    headersTimeoutMs: 2000,
    requestTimeoutMs: 3000,
    writeTimeoutMs: 4000,
    lingerTimeoutMs: 500,
  };

  test("a connection without a request ends after keepAliveTimeoutMs, each request starts it anew", () => {
    const { client: connect, time, server } = rig(ok, { timeouts });
    const client = connect();
    time.advance(900);
    client.write(get());
    time.advance(900);
    expect(client.ended).toBe(false);
    time.advance(101 + SLACK_MS);
    expect([client.ended, client.text.includes("408"), server.stats.keepAliveTimeouts]).toEqual([true, false, 1]);
    client.queuedOctets = 0;
    time.advance(500 + SLACK_MS);
    expect(client.aborted).toBe(true);
    expect(time.pending).toBe(0);
  });

  test("RFC 9110 §15.5.9: a head that trickles in ends with 408 after headersTimeoutMs", () => {
    const { client: connect, time, server } = rig(ok, { timeouts });
    const client = connect();
    for (const char of "GET / HT") {
      client.write(char);
      time.advance(249);
    }
    expect(client.statuses).toEqual([]);
    time.advance(250 + SLACK_MS);
    expect([client.statuses, client.ended, server.stats.headersTimeouts]).toEqual([[408], true, 1]);
  });

  test("RFC 9110 §15.5.9: a body that trickles in ends with 408 after requestTimeoutMs", async () => {
    const { client: connect, time } = rig(async (request, response) => {
      response.send(200, null, await request.body.text());
    }, { timeouts }); // prettier-ignore
    const client = connect().write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n");
    for (let i = 0; i < 3; i++) {
      client.write("x");
      time.advance(999);
    }
    expect(client.statuses).toEqual([]);
    time.advance(4 + SLACK_MS);
    await turn();
    expect([client.statuses, client.ended]).toEqual([[408], true]);
  });

  test("a client that takes nothing is reset after writeTimeoutMs; one that takes a little is not", () => {
    const { client: connect, time } = rig((_request, response) => {
      response.start(200).write(new Uint8Array(10_000));
    }, { timeouts }); // prettier-ignore
    const client = connect();
    client.highWater = 1;
    client.write(get());
    time.advance(3999);
    client.queuedOctets -= 10;
    time.advance(2 + SLACK_MS);
    expect(client.aborted).toBe(false);
    time.advance(4001 + SLACK_MS);
    expect(client.aborted).toBe(true);
  });

  test("RFC 9112 §9.6: a response under way outlives lingerTimeoutMs as long as the client takes octets", () => {
    const { client: connect, time } = rig(ok, { timeouts });
    const client = connect().write(get("/", "Connection: close\r\n"));
    for (let i = 0; i < 20; i++) {
      client.queuedOctets--;
      time.advance(499);
    }
    expect(client.aborted).toBe(false);
    client.queuedOctets = 0;
    time.advance(501 + SLACK_MS);
    expect(client.aborted).toBe(true);
  });
});

describe("the end", () => {
  test("connections that read a head at the same time never share a parser, even after one that ended in its handler", () => {
    const { client: connect } = rig(ok);
    connect().write(get("/", "Connection: close\r\n"));
    const [one, other] = [connect().write("GET / HT"), connect().write("GET /other HTTP/1.1\r\nHo")];
    one.write("TP/1.1\r\nHost: a\r\n\r\n");
    other.write("st: a\r\n\r\n");
    expect([one.statuses, other.statuses]).toEqual([[200], [200]]);
  });

  test("RFC 9112 §9.6: after an error what still comes is read and thrown away, up to a bound", () => {
    const { client: connect, server } = rig(ok, { limits: { lingerOctets: 100 } });
    const client = connect().write("BAD\r\n");
    expect([client.statuses, client.ended, client.aborted]).toEqual([[400], true, false]);
    client.write("x".repeat(90));
    expect(client.aborted).toBe(false);
    client.write("x".repeat(20));
    expect(client.aborted).toBe(true);
    expect(server.stats).toMatchObject({ lingerOverflows: 1, refused: { 400: 1 }, openConnections: 0 });
  });

  test("close ends idle connections at once, the others with their response, and the rest at the deadline", async () => {
    const waiting: HttpResponse[] = [];
    const { client: connect, server, time } = rig((_request, response) => void waiting.push(response));
    const [idle, busy, stuck] = [connect(), connect().write(get()), connect().write(get())];
    let closed = false;
    void server.close(10_000).then(() => (closed = true));
    expect([idle.ended, busy.ended]).toEqual([true, false]);
    waiting[0].send(200);
    expect([busy.ended, busy.text.includes("connection: close")]).toEqual([true, true]);
    idle.disappear(null);
    busy.disappear(null);
    time.advance(9999);
    expect(stuck.aborted).toBe(false);
    time.advance(1);
    await turn();
    expect([stuck.aborted, closed, server.stats.openConnections]).toEqual([true, true, 0]);
  });

  test("a transport that goes on delivering while it is paused is bounded", () => {
    const { client: connect, server } = rig(() => undefined);
    const client = connect().write(get());
    for (let i = 0; i < 20 && !client.closed; i++) client.write(new Uint8Array(2 ** 20));
    expect([client.aborted, server.stats.heldOverflows]).toEqual([true, 1]);
  });
});
