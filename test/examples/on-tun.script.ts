// Makes a TUN in the namespace that it runs in, and runs one example on it.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseAddress } from "../../src/sockets/address-text.ts";
import { configureInterface, persistTun } from "../../src/device/tun-interface.ts";

const address = parseAddress("198.18.0.1");
if (typeof address === "string") throw new Error(address);
persistTun("tun0");
configureInterface("tun0", { address, prefixLength: 24, up: true });
const example = fileURLToPath(new URL(`../../examples/${process.argv[2]}.ts`, import.meta.url));
const typescript = new URL("../support/typescript.mjs", import.meta.url).href;
const args = ["--import", typescript, example, "--tun", "tun0"];
process.exitCode = spawnSync(process.execPath, args, { stdio: "inherit" }).status ?? 1;
