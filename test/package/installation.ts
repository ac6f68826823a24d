import { execFile } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);
const tree = fileURLToPath(new URL("../..", import.meta.url));

/** Where a child's standard output goes, and how it ended. */
export interface Ending {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The package as somebody has it who typed `npm install fourtuple` in an empty folder. */
export interface Installation {
  readonly folder: string;
  /** Runs a program there. Never throws for its status. */
  run(program: string, ...args: string[]): Promise<Ending>;
  remove(): void;
}

/** Inside of the tree's own `npm test` these would speak of the tree. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(npm_(package|lifecycle|command)|NODE_OPTIONS)/.test(name),
  );
  return { ...Object.fromEntries(own), npm_config_audit: "false", npm_config_fund: "false" };
}

async function run(folder: string, program: string, args: readonly string[]): Promise<Ending> {
  try {
    const options = { cwd: folder, env: cleanEnvironment(), maxBuffer: 1 << 26 };
    return { status: 0, ...(await execute(program, args, options)) };
  } catch (error) {
    const { code, stdout, stderr, message } = error as Error & { code: unknown; stdout?: string; stderr?: string };
    return { status: typeof code === "number" ? code : -1, stdout: stdout ?? "", stderr: stderr ?? message };
  }
}

async function succeed(folder: string, program: string, ...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(folder, program, args);
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${String(status)}\n${stdout}\n${stderr}`);
  return stdout;
}

/** What `npm pack` is to see, in a folder of its own: packing leaves prebuilt files behind, and the tree shall not have them. */
function copyTree(to: string): void {
  const { files } = JSON.parse(readFileSync(join(tree, "package.json"), "utf8")) as { files: readonly string[] };
  const packed = files.filter((name) => !name.startsWith("!") && name !== "prebuilds");
  for (const name of [...packed, "package.json", "README.md", "LICENSE", "scripts"]) {
    cpSync(join(tree, name), join(to, name), { recursive: true });
  }
  symlinkSync(join(tree, "node_modules"), join(to, "node_modules"));
}

/** Packs the tree as it was last built, and installs the tarball in an empty folder. */
export async function install(): Promise<Installation> {
  const root = mkdtempSync(join(tmpdir(), "fourtuple-package-"));
  const [source, folder] = [join(root, "source"), join(root, "app")];
  mkdirSync(source);
  mkdirSync(folder);
  copyTree(source);
  await succeed(source, process.execPath, "scripts/prepack.js");
  const report = await succeed(source, "npm", "pack", "--ignore-scripts", "--json", "--pack-destination", root);
  const [{ filename }] = JSON.parse(report) as [{ filename: string }];
  await succeed(folder, "npm", "install", "--prefer-offline", join(root, filename));
  // An unprivileged user is to run it too.
  chmodSync(root, 0o755);
  return {
    folder,
    run: (program, ...args) => run(folder, program, args),
    remove: () => {
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** The tree's own TypeScript, for a consumer who has none. */
export const TSC = join(tree, "node_modules/typescript/lib/tsc.js");
export const TYPE_ROOTS = join(tree, "node_modules/@types");

/** The programs that README.md shows, in their order. */
export function readmePrograms(): readonly string[] {
  const text = readFileSync(join(tree, "README.md"), "utf8");
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, program = ""]) => program);
}
