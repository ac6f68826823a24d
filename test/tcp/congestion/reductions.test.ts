import { expect, test } from "vitest";
import { type ScriptedPeer, scripted } from "../../support/scripted-peer.ts";

const MSS = 1000;
const at = (n: number): number => 1 + n * MSS;

/** Twenty segments written, ten in flight; the peer speaks SACK and ECN. */
function marked(): ScriptedPeer {
  const t = scripted({ peer: { mss: MSS, sackOk: true } });
  t.listening().inject(`SYN,ECE,CWR seq=0 ${t.peerOptions}`).expect("SYN,ACK,ECE seq=0 ack=1");
  t.inject("ACK seq=1 ack=1")
    .stateIs("ESTABLISHED")
    .send(20 * MSS)
    .take();
  return t;
}
const sackOf = (from: number, to: number): string => `sack=${String(at(from))}-${String(at(to))}`;

test("RFC 3168 §6.1.2: a loss says CWR, and marks of the same window of data reduce nothing once more", () => {
  const t = marked();
  t.inject(`ACK,ECE seq=1 ack=1 ${sackOf(1, 6)}`);
  const { ssthresh } = t.tcb;
  expect(ssthresh).toBe(5 * MSS);
  t.inject(`ACK,ECE seq=1 ack=${String(at(8))}`);
  const fresh = t.take().filter(({ seq, len }) => seq >= at(10) && len > 0);
  expect(fresh[0].flags).toContain("CWR");
  expect(fresh.slice(1).filter(({ flags }) => flags.includes("CWR"))).toEqual([]);
  t.inject(`ACK,ECE seq=1 ack=${String(at(10))}`);
  expect([t.tcb.ssthresh, t.core.tcpCounters.ecnReductions]).toEqual([ssthresh, 0]);
});

test("RFC 5681 §3.1: a time-out in fast recovery does not lower ssthresh a second time", () => {
  const t = scripted({ peer: { mss: MSS, sackOk: true } }).established();
  t.send(20 * MSS).take();
  t.inject(`ACK seq=1 ack=1 ${sackOf(1, 6)}`);
  const { ssthresh } = t.tcb;
  t.take();
  t.pass(3000);
  expect(t.core.tcpCounters.rtoExpirations).toBeGreaterThan(0);
  expect([t.tcb.ssthresh, t.tcb.cwnd]).toEqual([ssthresh, MSS]);
});

test("RFC 4015 §3.1: an ACK with ECE takes no reduction back", () => {
  for (const ece of [false, true]) {
    const t = scripted({ peer: { mss: MSS + 12, sackOk: true, ts: true } });
    t.listening().inject(`SYN,ECE,CWR seq=0 ${t.peerOptions}`).take();
    t.inject("ACK seq=1 ack=1 ts=100,0").send(10 * MSS);
    const [{ ts = [0, 0] }] = t.take();
    t.pass(250).take();
    expect(t.tcb.cwnd).toBe(MSS);
    // The originals are acknowledged, late.
    t.inject(`${ece ? "ACK,ECE" : "ACK"} seq=1 ack=${String(at(10))} ts=200,${String(ts[0])}`);
    expect(t.core.tcpCounters.spuriousRecoveries).toBe(ece ? 0 : 1);
  }
});
