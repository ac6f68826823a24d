/** A worker with a device of its own; `kernel.script.ts` starts it and says how it shall end. */
import { parentPort } from "node:worker_threads";

import { TunDevice } from "../../src/device/tun.ts";

const device = TunDevice.open({ name: "work%d", up: true });
const nothing = (): void => undefined;
device.start({ readable: nothing, writable: nothing, down: nothing });
parentPort?.postMessage(device.name);
if (process.argv[2] === "returns") device.unref();
if (process.argv[2] === "closes") device.close();
