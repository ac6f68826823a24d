import { expect, test } from "vitest";
import { SERVE_OPTIONS, serveOptions, type ServeOptions } from "../../src/cli/serve-options.ts";
import { parseOptions, UsageError } from "../../src/cli/usage.ts";

const read = (text: string): ServeOptions => serveOptions(parseOptions("serve", text.split(" "), SERVE_OPTIONS).values);
const HTTPS = "--tun tun0 --address 198.18.0.2/24 --https 443 --cert a.pem --key a.key";
const MINIMAL = "--tun tun0 --address 198.18.0.2/24";

test.each([
  ["--address 198.18.0.2/24", /--tun is missing/],
  ["--tun tun0", /--address is missing/],
  ["--tun tun0 --address 198.18.0.2", /prefix length/],
  ["--tun tun0 --address 198.18.0.2/33", /prefix length/],
  ["--tun tun0 --address ::1/64", /prefix length/],
  [`${MINIMAL} --http 70000`, /--http takes an integer from 1 to 65535/],
  [`${MINIMAL} --http 0`, /--http takes an integer/],
  [`${MINIMAL} --echo 1e3`, /--echo takes an integer/],
  [`${MINIMAL} --http 7 --echo 7`, /--echo and --http are both given port 7/],
  [`${MINIMAL} --root /tmp`, /--root needs --http/],
  [`${MINIMAL} --https 443`, /--https needs --cert FILE and --key FILE/],
  [`${MINIMAL} --https 443 --cert a.pem`, /--https needs --cert FILE and --key FILE/],
  [`${MINIMAL} --http 80 --cert a.pem --key a.key`, /need --https PORT/],
  [`${MINIMAL} --keylog keys.txt`, /need --https PORT/],
  [`${MINIMAL} --mtu 67`, /--mtu takes an integer from 68 to 65535/],
  [`${MINIMAL} --peer here`, /--peer takes an IPv4 address/],
  [`${MINIMAL} --peer ::1`, /--peer takes an IPv4 address/],
  [`${MINIMAL} --log-level loud`, /--log-level takes one of trace, debug/],
  [`${MINIMAL} --impair loss=2`, /loss takes a probability/],
  [`${MINIMAL} --impair delay=-1`, /delay takes a positive number/],
  [`${MINIMAL} --impair rate=0`, /rate takes a positive number/],
  [`${MINIMAL} --impair gloom=1`, /no fault "gloom"/],
  [`${MINIMAL} --impair seed=x`, /seed takes an integer/],
])("design.md §10: serve refuses %s and says what to do", (text, message) => {
  expect(() => read(text)).toThrow(UsageError);
  expect(() => read(text)).toThrow(message);
});

test("design.md §10: what serve takes, and what it leaves alone", () => {
  expect(read(MINIMAL)).toEqual({
    tun: "tun0",
    addresses: ["198.18.0.2/24"],
    peer: null,
    mtu: null,
    ports: new Map(),
    tls: null,
    root: null,
    any: false,
    pcap: null,
    impair: null,
    logLevel: "warn",
  });
  const services = "--http 80 --echo 7 --discard 9 --chargen 19 --any --mtu 1400 --peer 198.18.0.1 --log-level info";
  expect(read(`${MINIMAL} --address 198.18.7.2/24 ${services} --root /srv --pcap a.pcapng`)).toMatchObject({
    addresses: ["198.18.0.2/24", "198.18.7.2/24"],
    peer: "198.18.0.1",
    mtu: 1400,
    ports: new Map([
      ["http", 80],
      ["echo", 7],
      ["discard", 9],
      ["chargen", 19],
    ]),
    root: "/srv",
    any: true,
    pcap: "a.pcapng",
    logLevel: "info",
  });
});

test("design.md §9: --impair names the faults of a link and the seed that replays them", () => {
  const text = "loss=0.02,reorder=0.01,duplicate=0.01,corrupt=0.001,delay=5,jitter=2.5,rate=1000000,seed=42";
  expect(read(`${MINIMAL} --impair ${text}`).impair).toEqual({
    loss: 0.02,
    reorder: 0.01,
    duplicate: 0.01,
    corrupt: 0.001,
    delayMs: 5,
    jitterMs: 2.5,
    rateBitsPerSecond: 1_000_000,
    seed: 42,
  });
  expect(read(`${MINIMAL} --impair loss=1`).impair).toEqual({ loss: 1, seed: 1 });
});

test("NSS's key log: --keylog names the file, without it SSLKEYLOGFILE does, and neither does anything without HTTPS", () => {
  const keylogOf = (text: string, environment: NodeJS.ProcessEnv): unknown =>
    serveOptions(parseOptions("serve", text.split(" "), SERVE_OPTIONS).values, environment).tls?.keylog;
  const environment = { SSLKEYLOGFILE: "usual.txt" };
  expect(keylogOf(HTTPS, {})).toBeNull();
  expect(keylogOf(HTTPS, environment)).toBe("usual.txt");
  expect(keylogOf(`${HTTPS} --keylog own.txt`, environment)).toBe("own.txt");
  expect(keylogOf(MINIMAL, environment)).toBeUndefined();
});
