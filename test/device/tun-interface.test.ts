import { expect, test } from "vitest";

import { toAddress } from "../../src/base/address.ts";
import { namespaceCheck, tunAvailability } from "../../src/device/tun-availability.ts";
import { configureInterface, interfaceState, persistTun, removeTun } from "../../src/device/tun-interface.ts";
import { FakeAddon } from "./tun-fake.ts";

test.for([
  [0, 0],
  [1, 0x8000_0000 | 0],
  [24, 0xffff_ff00 | 0],
  [32, -1],
  [undefined, -1],
])("a prefix of %o is the netmask %i", ([prefixLength, mask]) => {
  const addon = new FakeAddon();
  const address = toAddress(1);
  configureInterface("lo", prefixLength === undefined ? { address } : { address, prefixLength }, addon);
  expect(addon.calls).toEqual(["interfaceSet 0 1 lo", `interfaceSet 2 ${String(mask)} lo`]);
});

test("what is left out is not touched", () => {
  const addon = new FakeAddon();
  configureInterface("lo", {}, addon);
  configureInterface("lo", { up: false }, addon);
  expect(addon.calls).toEqual(["interfaceSet 4 0 lo"]);
});

test("an interface that is missing is null; another failure is an error", () => {
  const addon = new FakeAddon();
  expect(interfaceState("tun0", addon)).toEqual({
    index: 3,
    flags: 1,
    up: true,
    mtu: 1500,
    queueLength: 4096,
    address: null,
    peer: null,
    prefixLength: null,
  });
  addon.results.set("interfaceState", -19);
  expect(interfaceState("tun0", addon)).toBeNull();
  expect(removeTun("tun0", addon)).toBe(false);
  addon.results.set("interfaceState", -1);
  expect(() => interfaceState("tun0", addon)).toThrow("not permitted");
});

test("a persistent device is made for its owner and removed whatever its queues", () => {
  const addon = new FakeAddon();
  expect(persistTun("tun%d", { owner: 1000 }, addon)).toBe("tun0");
  expect(addon.calls.splice(0)).toEqual(["open", "attach 1001 tun%d", "persist 1 1000 -1", "close"]);
  addon.results.set("attach 1001", -22);
  expect(removeTun("tun0", addon)).toBe(true);
  expect(addon.calls.splice(0)).toEqual([
    ...["open", "attach 1001 tun0", "close"],
    ...["open", "attach 1101 tun0", "persist 0 -1 -1", "close"],
  ]);
  addon.results.set("persist", -16);
  expect(() => persistTun("tun0", { multiQueue: true }, addon)).toThrow("busy");
  expect(addon.calls.at(-1)).toBe("close");
});

test("a device that is made to stay has a queue for a thousand busy connections; a longer one stays", () => {
  const addon = new FakeAddon();
  const set = "interfaceSet 5 4096 tun0";
  addon.state.queueLength = 500;
  persistTun("tun%d", {}, addon);
  expect(addon.calls).toContain(set);
  addon.calls.length = 0;
  addon.state.queueLength = 10_000;
  persistTun("tun0", {}, addon);
  expect(addon.calls).not.toContain(set);
});

test("availability names each thing that is missing, and agrees with what was tried", () => {
  const { attach, make, sandbox, checks } = tunAvailability();
  const ok = (name: string): boolean => checks.find((check) => check.name === name)?.ok ?? false;
  expect(attach).toBe(ok("addon") && ok("device"));
  expect(make).toBe(attach && ok("privilege"));
  expect(sandbox).toBe(ok("addon") && namespaceCheck().ok);
  for (const check of checks) expect(check.text).not.toBe("");
});
