import { expect, test } from "vitest";
import { jsonInNamespace, needsNamespace } from "../support/namespace.ts";
import { scale, timeoutMs } from "./scale.ts";

/** What one end of the path saw of what one side sent. */
interface Judged {
  readonly withText: number;
  readonly badAcks: number;
  readonly spurious: number;
  readonly malformed: number;
}

interface Seen {
  readonly lost: number;
  readonly ours: { readonly atKernel: Judged; readonly atStack: Judged };
  readonly kernels: { readonly atKernel: Judged; readonly atStack: Judged };
}

/** Of segments with text: what may be sent again in vain. */
const SPURIOUS_MAX = 0.01;

test.for(["out", "in"])(
  "Wireshark's dissectors find no bad ACK, nothing beyond a window and next to nothing repeated in vain: a lossy transfer %s",
  { timeout: timeoutMs },
  async (way, context) => {
    needsNamespace(context);
    const seen = (await jsonInNamespace(new URL("./lossy.script.ts", import.meta.url), [way], { timeoutMs })) as Seen;
    expect(seen).toMatchObject({ octets: scale.lossyOctets, same: true, beyondWindow: 0 });
    expect(seen.lost).toBeGreaterThan(0);
    for (const judged of [seen.ours.atKernel, seen.ours.atStack, seen.kernels.atKernel, seen.kernels.atStack]) {
      expect(judged).toMatchObject({ badAcks: 0, malformed: 0 });
    }
    // Counted where they arrive: what the receiver had acknowledged by then.
    const { withText, spurious } = way === "out" ? seen.ours.atKernel : seen.kernels.atStack;
    expect(withText).toBeGreaterThan(1000);
    expect(spurious).toBeLessThanOrEqual(withText * SPURIOUS_MAX);
  },
);
