/** A process on the kernel's side that can be stopped, blocked or killed on its own. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { connected, Pattern } from "./kernel-side.ts";

const [verb = "", ...numbers] = process.argv.slice(2);
const [port = 0, count = 1, octets = 0] = numbers.map(Number);
const pattern = new Pattern();

const say = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`);
};

/** Reads to the end and says what came. */
async function read(): Promise<void> {
  const socket = await connected({ port });
  let got = 0;
  let same = true;
  say("connected");
  socket.on("data", (chunk: Buffer) => {
    same &&= pattern.isAt(got, chunk);
    got += chunk.length;
  });
  await once(socket, "end");
  socket.end();
  say({ octets: got, same });
}

/** Sends and reads for ever on `count` connections. */
async function flood(): Promise<void> {
  for (let i = 0; i < count; i++) {
    const socket = await connected({ port });
    const fill = (): void => {
      while (socket.write(pattern.slice(0, 65_536)));
    };
    socket.on("drain", fill).on("data", () => undefined);
    fill();
  }
  say("connected");
}

/** On `count` connections at once: sends `octets` a few at a time, each part once the part before it has come back. */
async function converse(): Promise<void> {
  const sockets: Socket[] = [];
  for (let i = 0; i < count; i++) sockets.push(await connected({ port, noDelay: true }));
  say("connected");
  const part = 4096;
  const outcomes = await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<boolean>((resolve) => {
          let got = 0;
          let same = true;
          socket.on("data", (chunk: Buffer) => {
            same &&= pattern.isAt(got, chunk);
            got += chunk.length;
            if (got >= octets) socket.end();
            else if (got % part === 0) socket.write(pattern.slice(got, part));
          });
          socket.on("end", () => {
            resolve(same && got === octets);
          });
          socket.on("error", () => {
            resolve(false);
          });
          socket.write(pattern.slice(0, part));
        }),
    ),
  );
  say({ same: outcomes.filter(Boolean).length });
}

const verbs: Record<string, () => Promise<void>> = { read, flood, converse };
await verbs[verb]?.();
