import { setImmediate } from "node:timers/promises";

import { memoryPair } from "../device/memory.ts";
import { Stack } from "../host/stack.ts";
import { Ladder, type Rung } from "../inspect/ladder.ts";
import { formatRung, ladderHead } from "../inspect/ladder-text.ts";
import { EventLoopTimebase } from "../stack/event-loop-timebase.ts";

export const CLIENT = "198.18.0.1";
export const SERVER = "198.18.0.2";
/** Turns of the event loop that the last segment may take. */
const TURNS_MAX = 1000;

/** Two stacks on a link in memory, and the ladder that watches them. */
export interface DemoLink {
  readonly client: Stack;
  readonly server: Stack;
  readonly watcher: Ladder;
}

/** Opens the two stacks, and closes them when `travel` is done. */
export async function onDemoLink<T>(travel: (link: DemoLink) => Promise<T>): Promise<T> {
  const timebase = new EventLoopTimebase();
  const watcher = new Ladder({ timebase });
  const [left, right] = memoryPair({ timebase, offload: false });
  const client = await Stack.open({ device: watcher.tap("left", left), address: `${CLIENT}/24` });
  const server = await Stack.open({ device: watcher.tap("right", right), address: `${SERVER}/24` });
  watcher.watch("left", client);
  watcher.watch("right", server);
  try {
    return await travel({ client, server, watcher });
  } finally {
    await Promise.all([client.close({ deadlineMs: 0 }), server.close({ deadlineMs: 0 })]);
  }
}

/** Whether `text` holds all of an HTTP response with a content length. */
export function isWholeResponse(text: string): boolean {
  const headEnd = text.indexOf("\r\n\r\n") + 4;
  const length = Number(/^content-length: *(\d+)/im.exec(text)?.[1] ?? 0);
  return headEnd >= 4 && text.length >= headEnd + length;
}

/** Lets the event loop turn until `isSo`; the last acknowledgment of a connection is told to nobody. */
export async function turnsUntil(isSo: () => boolean): Promise<void> {
  for (let turns = 0; turns < TURNS_MAX && !isSo(); turns++) await setImmediate();
}

/** As a block inside the text. */
export const indented = (text: string): string => text.replace(/^(?=.)/gm, "  ");

/** The rungs as a ladder; `notesOf` has lines to stand below each one. */
export const ladder = (rungs: readonly Rung[], notesOf: (rung: Rung) => readonly string[] = () => []): string =>
  [
    ...ladderHead({ left: "client", right: "server" }),
    ...rungs.flatMap((rung) => formatRung(rung, notesOf(rung))),
  ].join("\n");
