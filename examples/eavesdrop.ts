// Why HTTPS takes both kinds of encryption, and what each of them does not do. Everything crosses a wire that is recorded.
//
//   node --import ./test/support/typescript.mjs examples/eavesdrop.ts
//
//   1. A secret that is sent in the clear (by toy peers that exist in this file only) protects nothing.
//   2. Wrapped with RSA it does, until the server's private key leaks: then the recording is read after all.
//   3. With ECDHE the leaked key is of no use: there is nothing in the recording that it unwraps.
//   4. A man in the middle without a certificate that the client trusts is refused before any secret is made.
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { text } from "node:stream/consumers";
import { Stack, memoryPair, EventLoopTimebase, type KeyExchange } from "fourtuple";
import { makeCertificate } from "./certificate.ts";
import { Recording, readWithLeakedKey } from "./recording.ts";

const ADDRESS = "198.18.0.2";
const NAME = "bank.example";
const bank = makeCertificate(NAME, ADDRESS);
const stranger = makeCertificate(NAME, ADDRESS);

toyPeers();
await recorded("rsa");
await recorded("ecdhe");
await manInTheMiddle();

/** Symmetric encryption alone: the key must cross first, and who sees it cross has it. */
function toyPeers(): void {
  const wire: Buffer[] = [];
  const [key, nonce] = [randomBytes(16), randomBytes(12)];
  const cipher = createCipheriv("aes-128-gcm", key, nonce);
  wire.push(key, nonce, cipher.update("my password is 1234"));
  const [seenKey, seenNonce, seenText] = wire;
  const read = createDecipheriv("aes-128-gcm", seenKey, seenNonce).update(seenText).toString();
  console.log(`1. key sent in the clear:     the eavesdropper reads "${read}"`);
}

/** A session of ours whose every octet is recorded, and the attempt to read it once the private key has leaked. */
async function recorded(keyExchange: KeyExchange): Promise<void> {
  const recording = new Recording();
  const [client, server] = await twoStacks();
  server.tls.createServer(bank, (socket) => socket.end("your balance is 5 EUR")).listen(443);
  const transport = recording.of(client.net.connect(443, ADDRESS));
  // This suite alone, so that the eavesdropper below stays short.
  const ciphers = "AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";
  const socket = client.tls.connect({ socket: transport, servername: NAME, ca: bank.cert, ciphers, keyExchange });
  socket.end("my password is 1234");
  await text(socket);
  await Promise.all([client.close(), server.close()]);
  const read = readWithLeakedKey(recording, bank.key);
  const what = keyExchange === "rsa" ? "2. wrapped with RSA:         " : "3. ECDHE:                    ";
  console.log(`${what} ${read.map((line) => `"${line}"`).join(" and ") || "nothing can be read"}, with the leaked key`);
}

async function manInTheMiddle(): Promise<void> {
  const [client, server] = await twoStacks();
  const middle = server.tls.createServer(stranger, (socket) => socket.end("I am your bank"));
  middle.on("tlsClientError", () => undefined);
  middle.listen(443);
  const socket = client.tls.connect({ port: 443, host: ADDRESS, servername: NAME, ca: bank.cert });
  const code = await new Promise((resolve) => {
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
    socket.on("secureConnect", () => resolve("accepted"));
  });
  console.log(`4. a man in the middle:       ${String(code)}`);
  await Promise.all([client.close(), server.close()]);
}

async function twoStacks(): Promise<[client: Stack, server: Stack]> {
  const [left, right] = memoryPair({ timebase: new EventLoopTimebase() });
  return Promise.all([
    Stack.open({ device: left, address: "198.18.0.1/24" }),
    Stack.open({ device: right, address: `${ADDRESS}/24` }),
  ]);
}
