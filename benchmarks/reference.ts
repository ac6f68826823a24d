/** References in C++, built by g++ in the same run: they say what the machine allows. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Nanoseconds for a look-up. */
export interface DemuxReference {
  readonly hit: number;
  readonly miss: number;
  readonly single: number;
}

/** A program of `reference/`, compiled. */
export class Reference {
  readonly #folder: string;
  readonly #file: string;

  /** Users call `build`. */
  constructor(folder: string, file: string) {
    this.#folder = folder;
    this.#file = file;
  }

  /** Null where there is no g++. Errors: it does not compile. */
  static build(name: string): Reference | null {
    const folder = mkdtempSync(join(tmpdir(), "fourtuple-reference-"));
    const file = join(folder, name);
    const source = fileURLToPath(new URL(`reference/${name}.cc`, import.meta.url));
    try {
      execFileSync("g++", ["-O3", "-march=native", "-Wall", "-Wextra", "-o", file, source], { stdio: ["ignore", "inherit", "inherit"] }); // prettier-ignore
      return new Reference(folder, file);
    } catch (error) {
      rmSync(folder, { recursive: true });
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  }

  /** What it prints for these arguments, as JSON. */
  run(args: readonly number[]): DemuxReference {
    return JSON.parse(execFileSync(this.#file, args.map(String), { encoding: "utf8" })) as DemuxReference;
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }
}
