// What the TLS examples share: a certificate of their own, made by the openssl command and gone when they end.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface OwnCertificate {
  /** In PEM. It is its own root: who trusts it gives it as `ca`. */
  readonly cert: string;
  readonly key: string;
}

/** A certificate of RSA-2048 for that name and address, valid for a day. */
export function makeCertificate(name: string, address: string): OwnCertificate {
  const folder = mkdtempSync(join(tmpdir(), "fourtuple-example-"));
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name},IP:${address}`];
  const files = ["-nodes", "-days", "1", "-keyout", key, "-out", cert];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", ...subject, ...files], { stdio: "ignore" });
  const made = { cert: readFileSync(cert, "latin1"), key: readFileSync(key, "latin1") };
  rmSync(folder, { recursive: true });
  return made;
}
