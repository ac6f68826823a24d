import * as nodeNet from "node:net";
import { describe, expect, test } from "vitest";

import { createNet } from "../../src/sockets/net.ts";
import { FakeService } from "./fake-network.ts";
import { ManualTimebase } from "./manual-timebase.ts";
import { Journal, SCENARIOS, type NodeNet } from "./scenarios.ts";

const ours = () => createNet({ service: new FakeService(), timebase: new ManualTimebase() }) as unknown as NodeNet;

describe("design §5: what node:net on 127.0.0.1 tells its owner, ours tells in the same order", () => {
  test.each(Object.entries(SCENARIOS))("%s", async (_name, scenario) => {
    const expected = new Journal();
    await scenario(nodeNet, expected);
    const seen = new Journal();
    await scenario(ours(), seen);
    expect(seen.lines).toEqual(expected.lines);
  });
});
