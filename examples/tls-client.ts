// Fetches a page by HTTPS, and tells how: the certificates, the cipher suite, who made which secret, and the page.
//
//   node --import ./test/support/typescript.mjs examples/tls-client.ts [URL] [--rsa] [--ca FILE] [--tun tun0]
//
// With a URL, the connection is the kernel's own TCP with this TLS on it; without one, the example serves the page itself. --rsa
// insists on the exchange in which the client makes the secret and wraps it. SSLKEYLOGFILE gets the secrets, for Wireshark.
import { appendFileSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { makeCertificate } from "./certificate.ts";
import { LINK_OPTIONS, openLink } from "./link.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rsa: { type: "boolean" },
    ca: { type: "string" },
    ...LINK_OPTIONS,
  },
});

const link = await openLink(values);
const own = positionals.length === 0 ? makeCertificate("page.example", link.address) : null;
const http = link.stack.http.createServer((request, response) => {
  response.send(200, { "content-type": "text/plain" }, `You asked for ${request.path}\n`);
});
if (own !== null) http.listenSecure({ port: 443, tls: own });

const url = new URL(positionals[0] ?? "https://page.example/secret");
const port = url.port === "" ? 443 : Number(url.port);
const socket = link.stack.tls.connect({
  socket: own === null ? connect(port, url.hostname) : link.connect(port),
  servername: url.hostname,
  ca: own?.cert ?? (values.ca === undefined ? undefined : readFileSync(values.ca)),
  keyExchange: values.rsa === true ? "rsa" : undefined,
});
socket.write(`GET ${url.pathname} HTTP/1.1\r\nhost: ${url.host}\r\nconnection: close\r\n\r\n`);
const keyLog = process.env["SSLKEYLOGFILE"];
if (keyLog !== undefined) socket.on("keylog", (line: Buffer) => appendFileSync(keyLog, line));
socket.once("secureConnect", () => console.log(`${socket.explain()}\n`));
const page = await text(socket);
console.log(page.slice(page.indexOf("\r\n\r\n") + 4));

await http.close();
await link.close();
