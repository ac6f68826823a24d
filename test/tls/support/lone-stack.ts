import { EventLoopTimebase } from "../../../src/stack/event-loop-timebase.ts";
import { memoryPair } from "../../../src/device/memory.ts";
import { Stack } from "../../../src/host/stack.ts";

/** A stack whose `tls` is used over the kernel's sockets: nobody is at the other end of its device. */
export async function loneStack(): Promise<Stack> {
  const [device] = memoryPair({ timebase: new EventLoopTimebase() });
  return Stack.open({ device, address: "198.18.0.2/24" });
}
