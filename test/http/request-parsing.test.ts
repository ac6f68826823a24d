import { describe, expect, test } from "vitest";

import { rig } from "./support/memory-client.ts";

/** Answers what was understood of the request. */
const mirror = rigOf({});

function rigOf(limits: Record<string, number>): ReturnType<typeof rig> {
  return rig(
    async (request, response) => {
      const body = await request.body.text();
      const fields = [...request.headers].map(([name, value]) => `${name}=${value}`).join("|");
      response.send(
        200,
        null,
        [request.method, request.target, request.path, request.httpVersion, fields, body].join(" "),
      );
    },
    { limits },
  );
}

async function answer(text: string, step = Infinity, from = mirror): Promise<{ statuses: number[]; text: string }> {
  const client = from.client();
  if (step === Infinity) client.write(text);
  else client.writeBy(text, step);
  for (let i = 0; i < 20; i++) await Promise.resolve();
  client.disappear(null);
  return { statuses: client.statuses, text: client.text.replace(/date: .*\r\n/g, "") };
}

const H = "Host: a\r\n";

const CASES: readonly (readonly [name: string, request: string, status: number])[] = [
  ["RFC 9112 §3: a request line and its fields", `GET /x?y=1 HTTP/1.1\r\n${H}\r\n`, 200],
  ["RFC 9112 §2.2: an empty line before the request line is skipped", `\r\n\r\nGET / HTTP/1.1\r\n${H}\r\n`, 200],
  ["RFC 9112 §2.2: bare LF after the request line is refused", `GET / HTTP/1.1\n${H}\r\n`, 400],
  ["RFC 9112 §2.2: bare LF after a field is refused", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400],
  ["RFC 9112 §2.2: bare LF as the empty line is refused", `GET / HTTP/1.1\r\n${H}\n`, 400],
  ["RFC 9112 §2.2: bare CR in the request line", `GET /\r HTTP/1.1\r\n${H}\r\n`, 400],
  ["RFC 9112 §2.2: bare CR in a field value", "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400],
  ["RFC 9112 §2.2: whitespace between request line and fields", `GET / HTTP/1.1\r\n X: y\r\n${H}\r\n`, 400],
  ["RFC 9112 §2.3: lower case in the version", `GET / http/1.1\r\n${H}\r\n`, 400],
  ["RFC 9112 §2.3: two digits in the version", `GET / HTTP/1.10\r\n${H}\r\n`, 400],
  ["RFC 9112 §3: HTTP/0.9", "GET /\r\n\r\n", 400],
  ["RFC 9112 §3: two spaces", `GET  / HTTP/1.1\r\n${H}\r\n`, 400],
  ["RFC 9112 §3: a tab for a space", `GET\t/ HTTP/1.1\r\n${H}\r\n`, 400],
  ["RFC 9112 §3: space behind the version", `GET / HTTP/1.1 \r\n${H}\r\n`, 400],
  ["RFC 9112 §3: space in front of the method", ` GET / HTTP/1.1\r\n${H}\r\n`, 400],
  ["RFC 9112 §3.1: a method that is no token", `G@T / HTTP/1.1\r\n${H}\r\n`, 400],
  ["RFC 9110 §9.1: an unknown method", `BREW / HTTP/1.1\r\n${H}\r\n`, 501],
  ["RFC 9110 §9.1: methods are case-sensitive", `get / HTTP/1.1\r\n${H}\r\n`, 501],
  ["RFC 9112 §3: a method longer than any", `${"M".repeat(500)} / HTTP/1.1\r\n${H}\r\n`, 501],
  ["RFC 9110 §9.3.6: CONNECT is not served", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501],
  ["RFC 9110 §15.6.6: HTTP/2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
  ["RFC 9110 §15.6.6: HTTP/0.9 by name", `GET / HTTP/0.9\r\n${H}\r\n`, 505],
  ["RFC 9110 §2.5: HTTP/1.7 is treated as 1.1", `GET / HTTP/1.7\r\n${H}\r\n`, 200],
  ["RFC 9110 §2.5: HTTP/1.0 needs no Host", "GET / HTTP/1.0\r\n\r\n", 200],
  ["RFC 9112 §3.2: a target of no form", `GET x HTTP/1.1\r\n${H}\r\n`, 400],
  ["RFC 9112 §3.2: a fragment", `GET /#x HTTP/1.1\r\n${H}\r\n`, 400],
  ["RFC 9112 §3.2: octets beyond ASCII", `GET /\xe4 HTTP/1.1\r\n${H}\r\n`, 400],
  ["RFC 9112 §3.2: braces and bars, as browsers send them", `GET /?{a|b} HTTP/1.1\r\n${H}\r\n`, 200],
  ["RFC 9112 §3.2: no Host", "GET / HTTP/1.1\r\n\r\n", 400],
  ["RFC 9112 §3.2: two Hosts", `GET / HTTP/1.1\r\n${H}${H}\r\n`, 400],
  ["RFC 9112 §3.2: two Hosts in HTTP/1.0", `GET / HTTP/1.0\r\n${H}${H}\r\n`, 400],
  ["RFC 9112 §3.2: a Host that is none", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400],
  ["RFC 9112 §3.2: a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400],
  ["RFC 9112 §3.2: a Host whose port is no number", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400],
  ["RFC 9112 §3.2: an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 200],
  ["RFC 9110 §7.2: Host as an IPv6 literal", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200],
  ["RFC 9110 §7.2: an IPv6 literal without its end", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400],
  ["RFC 9112 §3.2.2: absolute-form", `GET http://a/p?q HTTP/1.1\r\n${H}\r\n`, 200],
  ["RFC 9112 §3.2.2: absolute-form without a path", `GET http://a HTTP/1.1\r\n${H}\r\n`, 200],
  ["RFC 9110 §4.2.4: absolute-form with user information", `GET http://u@a/ HTTP/1.1\r\n${H}\r\n`, 400],
  ["RFC 9110 §4.2.1: absolute-form without a host", `GET http:/// HTTP/1.1\r\n${H}\r\n`, 400],
  ["RFC 9112 §3.2.2: absolute-form of another scheme", `GET ftp://a/ HTTP/1.1\r\n${H}\r\n`, 400],
  ["RFC 9112 §3.2.3: authority-form is for CONNECT", `GET a:80 HTTP/1.1\r\n${H}\r\n`, 400],
  ["RFC 9112 §3.2.4: asterisk-form", `OPTIONS * HTTP/1.1\r\n${H}\r\n`, 200],
  ["RFC 9112 §3.2.4: asterisk-form is for OPTIONS", `GET * HTTP/1.1\r\n${H}\r\n`, 400],
  ["RFC 9112 §5.1: whitespace before the colon", `GET / HTTP/1.1\r\n${H}X : y\r\n\r\n`, 400],
  ["RFC 9112 §5.1: no name", `GET / HTTP/1.1\r\n${H}: y\r\n\r\n`, 400],
  ["RFC 9112 §5.1: no colon", `GET / HTTP/1.1\r\n${H}Xy\r\n\r\n`, 400],
  ["RFC 9112 §5.1: whitespace around a value is not part of it", `GET / HTTP/1.1\r\n${H}X: \t y z \t\r\n\r\n`, 200],
  ["RFC 9110 §5.5: obs-text is kept", `GET / HTTP/1.1\r\n${H}X: \xe4\r\n\r\n`, 200],
  ["RFC 9110 §5.5: NUL in a value", `GET / HTTP/1.1\r\n${H}X: a\0b\r\n\r\n`, 400],
  ["RFC 9110 §5.5: DEL in a value", `GET / HTTP/1.1\r\n${H}X: a\x7fb\r\n\r\n`, 400],
  ["RFC 9110 §5.1: an octet that no name has", `GET / HTTP/1.1\r\n${H}X\xe4: y\r\n\r\n`, 400],
  ["RFC 9112 §5.2: a folded line", `GET / HTTP/1.1\r\n${H}X: y\r\n z\r\n\r\n`, 400],
  ["RFC 9112 §6.2: Content-Length", `POST / HTTP/1.1\r\n${H}Content-Length: 3\r\n\r\nabc`, 200],
  ["RFC 9110 §8.6: Content-Length 0", `POST / HTTP/1.1\r\n${H}Content-Length: 0\r\n\r\n`, 200],
  ["RFC 9112 §6.3: no length is no content", `POST / HTTP/1.1\r\n${H}\r\n`, 200],
  ["RFC 9110 §8.6: a sign", `POST / HTTP/1.1\r\n${H}Content-Length: +3\r\n\r\nabc`, 400],
  ["RFC 9110 §8.6: a negative length", `POST / HTTP/1.1\r\n${H}Content-Length: -3\r\n\r\nabc`, 400],
  ["RFC 9110 §8.6: hexadecimal", `POST / HTTP/1.1\r\n${H}Content-Length: 0x3\r\n\r\nabc`, 400],
  ["RFC 9110 §8.6: an empty length", `POST / HTTP/1.1\r\n${H}Content-Length:\r\n\r\nabc`, 400],
  ["RFC 9110 §8.6: a list of lengths", `POST / HTTP/1.1\r\n${H}Content-Length: 3, 3\r\n\r\nabc`, 400],
  [
    "RFC 9112 §6.3: two lengths that differ",
    `POST / HTTP/1.1\r\n${H}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc`,
    400,
  ],
  [
    "RFC 9112 §6.3: two lengths that agree",
    `POST / HTTP/1.1\r\n${H}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`,
    400,
  ],
  [
    "RFC 9110 §8.6: a length beyond every integer",
    `POST / HTTP/1.1\r\n${H}Content-Length: ${"9".repeat(400)}\r\n\r\n`,
    413,
  ],
  [
    "RFC 9112 §7.1: chunks",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n`,
    200,
  ],
  [
    "RFC 9112 §7.1.1: chunk extensions are ignored",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: Chunked\r\n\r\n3;a=b;c="d e"\r\nabc\r\n0;x\r\n\r\n`,
    200,
  ],
  [
    "RFC 9112 §7.1.2: trailers are read over",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\nContent-Length: 9\r\n\r\n`,
    200,
  ],
  [
    "RFC 9112 §7.1.2: a malformed trailer",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\nX : y\r\n\r\n`,
    400,
  ],
  [
    "RFC 9112 §6.3: Content-Length beside Transfer-Encoding",
    `POST / HTTP/1.1\r\n${H}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  [
    "RFC 9112 §6.3: Transfer-Encoding beside Content-Length",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`,
    400,
  ],
  [
    "RFC 9112 §6.1: Transfer-Encoding in HTTP/1.0",
    `POST / HTTP/1.0\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  [
    "RFC 9112 §6.1: a coding that is unknown, then chunked",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    501,
  ],
  ["RFC 9112 §6.3: chunked is not there", `POST / HTTP/1.1\r\n${H}Transfer-Encoding: gzip\r\n\r\n`, 400],
  [
    "RFC 9112 §6.3: chunked is not last",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`,
    400,
  ],
  [
    "RFC 9112 §6.3: chunked is not last, in two lines",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
    400,
  ],
  ["RFC 9112 §6.1: chunked twice", `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`, 400],
  ["RFC 9112 §6.1: an obfuscated coding", `POST / HTTP/1.1\r\n${H}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 400],
  [
    "RFC 9112 §6.1: chunked with a control in front",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  ["RFC 9112 §6.1: an empty coding", `POST / HTTP/1.1\r\n${H}Transfer-Encoding:\r\n\r\n0\r\n\r\n`, 400],
  ["RFC 9112 §6.1: an empty element", `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n`, 400],
  [
    "RFC 9112 §5.1: Transfer-Encoding with space before its colon",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  [
    "RFC 9112 §7.1: a chunk size that is none",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\nx\r\nabc\r\n`,
    400,
  ],
  [
    "RFC 9112 §7.1: a chunk size with 0x",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n`,
    400,
  ],
  [
    "RFC 9112 §7.1: a negative chunk size",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n`,
    400,
  ],
  [
    "RFC 9112 §7.1: an empty chunk size",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n\r\nabc\r\n0\r\n\r\n`,
    400,
  ],
  [
    "RFC 9112 §7.1: a chunk size that overflows",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n`,
    413,
  ],
  [
    "RFC 9112 §7.1: a chunk size of endless zeros",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n${"0".repeat(40)}3\r\nabc\r\n`,
    400,
  ],
  [
    "RFC 9112 §7.1: a chunk longer than its size",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n`,
    400,
  ],
  [
    "RFC 9112 §7.1: bare LF after a chunk size",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n`,
    400,
  ],
  [
    "RFC 9112 §7.1: bare LF in a chunk extension",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n3;a\nabc\r\n0\r\n\r\n`,
    400,
  ],
  [
    "RFC 9112 §7.1: two LFs after a chunk",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\n\n0\r\n\r\n`,
    400,
  ],
  [
    "RFC 9112 §7.1: bare LF after a chunk",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n`,
    400,
  ],
  [
    "RFC 9112 §7.1.1: space behind a chunk size",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n`,
    400,
  ],
  [
    "RFC 9110 §10.1.1: an unknown expectation",
    `POST / HTTP/1.1\r\n${H}Expect: gold\r\nContent-Length: 1\r\n\r\nx`,
    417,
  ],
  ["RFC 9110 §15.5.15: a target too long", `GET /${"x".repeat(8192)} HTTP/1.1\r\n${H}\r\n`, 414],
  ["RFC 6585 §5: a field too long", `GET / HTTP/1.1\r\n${H}X: ${"x".repeat(16_384)}\r\n\r\n`, 431],
  ["RFC 6585 §5: too many fields", `GET / HTTP/1.1\r\n${H}${"X: y\r\n".repeat(100)}\r\n`, 431],
  ["RFC 6585 §5: as many fields as are allowed", `GET / HTTP/1.1\r\n${H}${"X: y\r\n".repeat(99)}\r\n`, 200],
];

describe("requests", () => {
  test.each(CASES)("%s", async (_name, request, status) => {
    const whole = await answer(request);
    expect(whole.statuses).toEqual([status]);
    expect(whole.text.includes("connection: close\r\n")).toBe(status !== 200 || request.includes("HTTP/1.0"));
  });

  test.each(CASES)("cut at every octet, the answer is the same: %s", async (_name, request) => {
    const whole = await answer(request);
    expect(await answer(request, 1)).toEqual(whole);
    const cuts = request.length < 300 ? request.length : 0;
    for (let at = 1; at < cuts; at++) {
      const client = mirror.client();
      client.write(request.slice(0, at)).write(request.slice(at));
      for (let i = 0; i < 20; i++) await Promise.resolve();
      expect(client.text.replace(/date: .*\r\n/g, "")).toBe(whole.text);
      client.disappear(null);
    }
  });
});

const understood = async (request: string): Promise<string> => (await answer(request)).text.split("\r\n\r\n")[1];

test("RFC 9112 §3: what a request says reaches the handler", async () => {
  expect(await understood("POST /a?b HTTP/1.1\r\nHost: h\r\nX: \t 1 2 \t\r\nE:\r\nContent-Length: 2\r\n\r\nok")).toBe(
    "POST /a?b /a?b 1.1 Host=h|X=1 2|E=|Content-Length=2 ok",
  );
  expect(await understood("GET http://h/p?q HTTP/1.1\r\nHost: x\r\n\r\n")).toBe("GET http://h/p?q /p?q 1.1 Host=x ");
  expect(await understood("GET http://h?q HTTP/1.1\r\nHost: x\r\n\r\n")).toBe("GET http://h?q /?q 1.1 Host=x ");
  expect(await understood("GET http://h HTTP/1.1\r\nHost: x\r\n\r\n")).toBe("GET http://h / 1.1 Host=x ");
  const chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  expect(await understood(`${chunked}3;x=y\r\nabc\r\nb\r\n0123456789\n\r\n0\r\nT: u\r\n\r\n`)).toMatch(
    / abc0123456789\n$/,
  );
});

describe("limits", () => {
  const chunked = `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n`;
  test.each([
    [
      "RFC 9110 §15.5.14: content longer than the limit",
      { bodyOctets: 5 },
      `POST / HTTP/1.1\r\n${H}Content-Length: 6\r\n\r\nabcdef`,
      413,
    ],
    ["content as long as the limit", { bodyOctets: 6 }, `POST / HTTP/1.1\r\n${H}Content-Length: 6\r\n\r\nabcdef`, 200],
    [
      "RFC 9110 §15.5.14: chunks longer than the limit together",
      { bodyOctets: 5 },
      `${chunked}3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n`,
      413,
    ],
    ["chunks as long as the limit", { bodyOctets: 6 }, `${chunked}3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n`, 200],
    [
      "RFC 9112 §7.1.1: chunk extensions are bounded all together",
      { chunkExtensionOctets: 5 },
      `${chunked}1;abc\r\nx\r\n1;abc\r\nx\r\n0\r\n\r\n`,
      400,
    ],
    [
      "chunk extensions up to the limit",
      { chunkExtensionOctets: 6 },
      `${chunked}1;abc\r\nx\r\n1;abc\r\nx\r\n0\r\n\r\n`,
      200,
    ],
    ["RFC 6585 §5: trailers are bounded", { headOctets: 80 }, `${chunked}0\r\nX: ${"y".repeat(80)}\r\n\r\n`, 431],
    ["what a handler collects is bounded", { collectedOctets: 2 }, `${chunked}3\r\nabc\r\n0\r\n\r\n`, 413],
  ] as const)("%s", async (_name, limits, request, status) => {
    expect((await answer(request, Infinity, rigOf(limits))).statuses).toEqual([status]);
    expect((await answer(request, 1, rigOf(limits))).statuses).toEqual([status]);
  });
});
