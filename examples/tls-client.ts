// Fetches a page by HTTPS, and tells how: the certificates, the cipher suite, who made which secret, and the page.
//
//   node --import ./test/support/typescript.mjs examples/tls-client.ts [URL] [--rsa] [--ca FILE] [--tun tun0]
//
// With a URL, the connection is the kernel's own TCP with this TLS on it; without one, the example serves the page itself. --rsa
// insists on the exchange in which the client makes the secret and wraps it.
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { makeCertificate } from "./certificate.ts";
import { LINK_OPTIONS, openLink } from "./link.ts";
import type { TlsSocket } from "fourtuple";

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
socket.once("secureConnect", () => console.log(story(socket)));
const page = await text(socket);
console.log(page.slice(page.indexOf("\r\n\r\n") + 4));

await http.close();
await link.close();

function story(secured: TlsSocket): string {
  const { handshake } = secured;
  const certificate = secured.getPeerCertificate(true);
  const chain = [`certificate  ${String(certificate.subject?.CN)}, issued by ${String(certificate.issuer?.CN)}`];
  const randoms = [
    `client       chose the random ${short(handshake?.clientRandom)}, and sent it in the clear`,
    `server       chose the random ${short(handshake?.serverRandom)}, and sent it in the clear`,
  ];
  const suite = `suite        ${secured.getCipher().standardName}`;
  return [
    ...chain,
    suite,
    ...randoms,
    ...exchange(secured),
    "both         derived the same keys from all that",
    "",
  ].join("\n");
}

function exchange({ handshake }: TlsSocket): string[] {
  const made = handshake?.exchange ?? null;
  if (made === null) return ["both         still have the secret of an earlier session"];
  if (made.kind === "rsa") {
    const wrapped = `wrapped it with the server's RSA key of ${made.modulusBits} bits`;
    return [`client       made the pre-master secret alone, and ${wrapped}: ${made.wrappedOctets} octets crossed`];
  }
  return [
    `client       drew a secret of ${made.group}, and sent only its point`,
    `server       drew another one, sent its point, and signed that (${made.scheme})`,
  ];
}

function short(random: Buffer | undefined): string {
  return `${random?.toString("hex", 0, 8) ?? ""}…`;
}
