import { expect, test } from "vitest";
import { openLog } from "../../src/cli/log.ts";
import { SERVE_OPTIONS, serveOptions } from "../../src/cli/serve-options.ts";
import { SERVE_BACKLOG, startServices, startServing } from "../../src/cli/serving.ts";
import { parseOptions, UsageError } from "../../src/cli/usage.ts";
import { memoryPair } from "../../src/device/memory.ts";
import { Stack } from "../../src/host/stack.ts";
import { fixturePath } from "../tls/support/fixtures.ts";
import { EventLoopTimebase } from "../../src/stack/event-loop-timebase.ts";

const options = (text: string) =>
  serveOptions(parseOptions("serve", `--tun tun0 --address 198.18.0.2/24 ${text}`.split(" "), SERVE_OPTIONS).values);
const logger = openLog("silent");
const RSA_FILES = `--cert ${fixturePath("rsa.pem")} --key ${fixturePath("rsa.key")}`;

test("design.md §10: each service takes a thousand SYNs at once, as a listener of Linux's would", async () => {
  const [device, other] = memoryPair({ timebase: new EventLoopTimebase() });
  await using stack = await Stack.open({ device, address: "198.18.0.2/24" });
  startServices(stack, options("--http 80 --echo 7 --discard 9 --chargen 19 --any"), logger);
  expect(SERVE_BACKLOG).toBeGreaterThan(1000);
  expect(Array.from(stack.tcp.listeners(), ({ backlog }) => backlog)).toEqual(new Array(5).fill(SERVE_BACKLOG));
  other.close();
});

test.each([
  ["--http 80 --root /nowhere/at/all", /--root \/nowhere\/at\/all: there is no such folder/],
  ["--https 443 --cert /nowhere/at/all --key x", /--cert \/nowhere\/at\/all cannot be read: ENOENT/],
  [`--https 443 --cert ${fixturePath("rsa.pem")} --key ${fixturePath("ecdsa.key")}`, /--cert and --key cannot be used/],
  [`--https 443 ${RSA_FILES} --keylog /nowhere/at/all`, /--keylog \/nowhere\/at\/all cannot be written/],
  ["--pcap /nowhere/at/all", /--pcap \/nowhere\/at\/all cannot be written: ENOENT/],
])("design.md §10: %s is refused before the device is touched", async (text, message) => {
  const serving = startServing(options(text), logger);
  await expect(serving).rejects.toThrow(UsageError);
  await expect(serving).rejects.toThrow(message);
});
