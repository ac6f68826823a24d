import type { Duplex } from "node:stream";

import type { Timebase } from "../base/timebase.ts";

/** What is read and thrown away behind a fatal alert, in octets and ms, before the transport is destroyed all the same. */
export const LINGER_OCTETS_MAX = 1 << 20;
export const LINGER_MS_MAX = 2000;

/**
 * Closes `transport` so that the alert that was written arrives: a stream that is destroyed while octets lie unread in it
 * is reset, and the peer may lose what was on its way (RFC 9293 §3.6.1, RFC 1122 §4.2.2.13).
 */
export function closeInOrder(transport: Duplex, timebase: Timebase): void {
  let octets = 0;
  const deadline = timebase.after(LINGER_MS_MAX, () => transport.destroy());
  deadline.unref();
  transport.on("data", (chunk: Uint8Array) => {
    octets += chunk.length;
    if (octets > LINGER_OCTETS_MAX) transport.destroy();
  });
  transport.on("end", () => transport.destroy());
  transport.on("close", () => deadline.cancel());
  transport.on("error", () => {
    // The connection has failed already, and said so.
  });
  transport.resume();
  transport.end();
}
