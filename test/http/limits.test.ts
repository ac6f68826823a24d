import { expect, test } from "vitest";

import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, withDefaults } from "../../src/http/limits.ts";
import { rig } from "./support/memory-client.ts";

test("a limit that is undefined keeps its default; 0 and Infinity are limits too", () => {
  const limits = withDefaults("limits", DEFAULT_LIMITS, {
    ...({ headOctets: undefined } as object), // As JavaScript's callers may.
    bodyOctets: 0,
    drainedOctets: Infinity,
  });
  expect(limits).toEqual({ ...DEFAULT_LIMITS, bodyOctets: 0, drainedOctets: Infinity });
});

test.each([
  [{ limits: { headOctets: NaN } }, "options.limits.headOctets: NaN is not usable; give a number from 0 on"],
  [{ limits: { fields: 70_000 } }, "options.limits.fields: 70000 is not usable; give 65535 at most"],
  [{ limits: { fields: -1 } }, "options.limits.fields: -1 is not usable; give a number from 0 on"],
  [{ timeouts: { writeTimeoutMs: "9" as unknown as number } }, "options.timeouts.writeTimeoutMs: 9 is not usable"],
  [{ limits: null }, "options.limits: null is not usable; give an object"],
  [{ timeouts: 5_000 }, "options.timeouts: 5000 is not usable; give an object"],
  [{ timeouts: { timeout: 1 } }, "options.timeouts.timeout: there is none; there are headersTimeoutMs, "],
] as const)("a server with options that cannot be is refused: %j", (options: object, message) => {
  const ok = (): void => undefined;
  expect(() => rig(ok, options)).toThrow(RangeError);
  expect(() => rig(ok, options)).toThrow(message);
});

test("a timeout of 0 is none, as in node:http", () => {
  const never = Object.fromEntries(Object.keys(DEFAULT_TIMEOUTS).map((name) => [name, 0]));
  const { client: connect, time } = rig(
    (_request, response) => void response.start(200).write(new Uint8Array(10_000)),
    {
      timeouts: never,
    },
  );
  const [idle, trickling, slow] = [connect(), connect().write("GET / HT"), connect()];
  slow.highWater = 1;
  slow.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  time.advance(86_400_000);
  expect([idle, trickling, slow].map(({ ended, aborted }) => ended || aborted)).toEqual([false, false, false]);
});
