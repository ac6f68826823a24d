import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate that a test had made, and its key. */
export interface Made {
  readonly name: string;
  readonly pem: string;
  readonly key: string;
}

export interface MakeOptions {
  /** Who signs it; itself, without. */
  readonly by?: Made;
  readonly subject?: string;
  /** Lines of OpenSSL's extension syntax. */
  readonly extensions?: readonly string[];
  /** Days from now; negative ends before now. */
  readonly days?: number;
  readonly digest?: string;
}

export const CA = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"] as const;
export const SERVER = ["subjectAltName=DNS:localhost", "extendedKeyUsage=serverAuth"] as const;

/** Makes certificates of any kind with OpenSSL, good ones and bad ones, in a folder of its own. */
export class Authority {
  readonly #folder = mkdtempSync(join(tmpdir(), "fourtuple-authority-"));
  #count = 0;

  make(name: string, options: MakeOptions = {}): Made {
    const at = (kind: string): string => join(this.#folder, `${name}.${kind}`);
    const { by, subject = `/CN=${name}`, extensions = [], days = 30, digest = "sha256" } = options;
    this.#run(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", at("key")]);
    this.#run(["req", "-new", "-key", at("key"), "-subj", subject, "-out", at("csr"), "-config", this.#config()]);
    writeFileSync(at("ext"), ["[ext]", ...extensions].join("\n"));
    const signer = by === undefined ? ["-signkey", at("key")] : this.#signer(by);
    const dates = ["-days", String(days)];
    const args = [
      "x509",
      "-req",
      "-in",
      at("csr"),
      ...signer,
      ...dates,
      `-${digest}`,
      "-set_serial",
      String(++this.#count),
    ];
    this.#run([
      ...args,
      ...(extensions.length > 0 ? ["-extfile", at("ext"), "-extensions", "ext"] : []),
      "-out",
      at("pem"),
    ]);
    return { name, pem: readFileSync(at("pem"), "latin1"), key: readFileSync(at("key"), "latin1") };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }

  #signer({ name }: Made): string[] {
    return ["-CA", join(this.#folder, `${name}.pem`), "-CAkey", join(this.#folder, `${name}.key`)];
  }

  /** An empty configuration: the machine's own may add extensions. */
  #config(): string {
    const path = join(this.#folder, "empty.cnf");
    writeFileSync(path, "[req]\ndistinguished_name=dn\n[dn]\n");
    return path;
  }

  #run(args: readonly string[]): void {
    execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
  }
}
