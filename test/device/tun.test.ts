import { expect, test } from "vitest";

import { toAddress } from "../../src/base/address.ts";
import { sumOctets } from "../../src/base/checksum.ts";
import { RxBatch } from "../../src/base/rx-batch.ts";
import { TxBatch } from "../../src/base/tx-batch.ts";
import type { DeviceEvents } from "../../src/device/device.ts";
import { EVENT_LINK, EVENT_READABLE, EVENT_WRITABLE } from "../../src/device/tun-addon.ts";
import { EAGAIN, EBADFD, EFAULT, EINVAL, EIO, ENOBUFS, ENOMEM, EPERM } from "../../src/device/tun-errors.ts";
import { TunDevice, TunError, type TunOptions } from "../../src/device/tun.ts";
import { addPartialRow, tcp, udp } from "./datagrams.ts";
import { FakeAddon } from "./tun-fake.ts";

const EMSGSIZE = 90;
/** A link header that says nothing: no offload of this row. */
const PLAIN = new Array<number>(10).fill(0);

interface Started {
  readonly addon: FakeAddon;
  readonly device: TunDevice;
  /** What was told, in order. */
  readonly told: (string | Error | null)[];
}

function started(options: TunOptions = {}, addon = new FakeAddon()): Started {
  const device = TunDevice.open({ name: "tun0", ...options }, addon);
  const told: Started["told"] = [];
  const events: DeviceEvents = {
    readable: () => told.push("readable"),
    writable: () => told.push("writable"),
    down: (error) => told.push(error),
  };
  device.start(events);
  addon.calls.length = 0;
  return { addon, device, told };
}

/** Rows of a 20-octet header full of the row's number, 8 octets of transport header and pieces. */
function rowsOf(...pieces: number[][]): TxBatch {
  const tx = new TxBatch();
  for (const lengths of pieces) {
    const row = tx.open(8);
    tx.head.bytes.fill(row + 1, tx.headerAt(row), tx.headerAt(row) + 28);
    for (const length of lengths) tx.addPiece(new Uint8Array(length).fill(0xee), 0, length);
  }
  return tx;
}

const textOf = (row: Uint8Array | undefined): number[] => [...(row ?? [])].slice(10);

test("opening asks for super-segments and checksums, and configures address, mask, peer, MTU and up in that order", () => {
  const addon = new FakeAddon();
  const address = toAddress(0x0a00_0001);
  TunDevice.open({ name: "tun0", address, prefixLength: 24, peer: toAddress(0x0a00_0002), mtu: 1400, up: true }, addon);
  expect(addon.calls).toEqual([
    "open",
    "attach 5001 tun0",
    "setHeaderLength 10",
    "setOffload 7",
    "interfaceSet 0 167772161 tun0",
    "interfaceSet 2 -256 tun0",
    "interfaceSet 1 167772162 tun0",
    "interfaceSet 3 1400 tun0",
    "interfaceSet 4 1 tun0",
  ]);
});

test("a kernel that offloads less is asked for less; one without virtio headers is used without", () => {
  const addon = new FakeAddon();
  addon.results.set("setOffload 7", -EINVAL).set("setOffload 3", -EINVAL);
  expect(TunDevice.open({}, addon).offload).toEqual({ checksum: true, segmentMax: 65_535 });
  expect(addon.calls.slice(3)).toEqual(["setOffload 7", "setOffload 3", "setOffload 1"]);

  const old = new FakeAddon();
  old.results.set("attach 5001", -EINVAL);
  expect(TunDevice.open({ multiQueue: false }, old).offload).toEqual({ checksum: true, segmentMax: 0 });
  expect(old.calls).toEqual(["open", "attach 5001 ", "attach 1001 ", "setOffload 0"]);
});

test("several queues and no offload are what is asked for; an adopted descriptor keeps its own header", () => {
  const addon = new FakeAddon();
  TunDevice.open({ offload: false, multiQueue: true }, addon);
  expect(addon.calls).toEqual(["open", "attach 1101 ", "setOffload 0"]);

  const adopted = new FakeAddon();
  expect(TunDevice.open({ fd: 9 }, adopted).offload.segmentMax).toBe(65_535);
  expect(adopted.calls).toEqual(["adopt 9", "setHeaderLength 10", "setOffload 7"]);
  adopted.results.set("deviceFlags", 0x1001);
  expect(TunDevice.open({ fd: 9 }, adopted).offload.segmentMax).toBe(0);
  adopted.results.set("deviceFlags", 0x1002);
  expect(() => TunDevice.open({ fd: 9 }, adopted)).toThrow("IFF_NO_PI");
});

test("a short queue is lengthened, a longer one stays, and one that is named is set; who may not goes on", () => {
  const opening = (queueLength: number, options: TunOptions, result = 0): string[] => {
    const addon = new FakeAddon();
    addon.state.queueLength = queueLength;
    addon.results.set("interfaceSet 5", result);
    TunDevice.open({ offload: false, name: "tun0", ...options }, addon);
    return addon.calls.filter((call) => call.startsWith("interfaceSet"));
  };
  const lengthened = "interfaceSet 5 4096 tun0";
  expect(opening(500, { up: true })).toEqual([lengthened, "interfaceSet 4 1 tun0"]);
  expect(opening(4095, {}, -EPERM)).toEqual([lengthened]);
  expect([opening(4096, {}), opening(10_000, {})]).toEqual([[], []]);
  for (const before of [500, 10_000]) {
    expect(opening(before, { queueLength: 20 })).toEqual(["interfaceSet 5 20 tun0"]);
  }
  expect(() => opening(500, { queueLength: 20 }, -EPERM)).toThrow("not permitted");
  expect(opening(500, { fd: 9 })).toEqual([]); // Somebody else has chosen.
});

test.for([
  ["open", 13, "EACCES", "open", "tun-up.sh"],
  ["open", 1, "EPERM", "open", "--device /dev/net/tun"],
  ["open", 2, "ENOENT", "open", "modprobe tun"],
  ["attach", 1, "EPERM", "TUNSETIFF", "tun-up.sh tun0 $USER"],
  ["attach", 16, "EBUSY", "TUNSETIFF", "another process has tun0 attached"],
  ["attach", EINVAL, "EINVAL", "TUNSETIFF", "not a TUN device"],
  ["interfaceSet", 1, "EPERM", "SIOCSIFFLAGS", "run as root"],
  ["interfaceState", 19, "ENODEV", "SIOCGIFMTU", "another network namespace"],
  ["setHeaderLength", 25, "ENOTTY", "TUNSETVNETHDRSZ", "tun0: TUNSETVNETHDRSZ failed with ENOTTY"],
] as const)("%s failing with %i says what to do, and closes what it opened", ([call, errno, code, syscall, text]) => {
  const addon = new FakeAddon();
  addon.results.set(call, -errno);
  let error: unknown;
  try {
    TunDevice.open({ name: "tun0", up: true }, addon);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(TunError);
  expect(error).toMatchObject({ code, syscall });
  expect((error as TunError).message).toContain(text);
  expect(addon.calls.filter((name) => name === "close")).toHaveLength(call === "open" ? 0 : 1);
});

test.for<[TunOptions, string]>([
  [{ name: "sixteen-octets--" }, "at most 15"],
  [{ name: "a/b" }, "no slash"],
  [{ mtu: 67 }, "mtu"],
  [{ queueLength: 0 }, "queueLength"],
  [{ queueLength: 2 ** 20 + 1 }, "queueLength"],
  [{ prefixLength: 24 }, "prefixLength needs address"],
  [{ peer: toAddress(1) }, "peer needs address"],
  [{ address: toAddress(1), prefixLength: 33 }, "prefixLength"],
])("options %o are refused before anything is opened", ([options, text]) => {
  const addon = new FakeAddon();
  expect(() => TunDevice.open(options, addon)).toThrow(text);
  expect(addon.calls).toEqual([]);
});

test("virtio 1.2 §5.1.6.2: a row's link header says what is left to do", () => {
  const { addon, device } = started();
  const tx = rowsOf([2000, 1000], [4], [4]);
  tx.gsoSize[0] = 1460;
  tx.checksumFrom.set([20, 20]);
  tx.checksumAt.set([36, 26]);
  device.write(tx);
  const headers = addon.written.map((row) => {
    const view = new DataView(row.buffer);
    return [view.getUint8(0), view.getUint8(1), ...[2, 4, 6, 8].map((at) => view.getUint16(at, true))];
  });
  expect(headers).toEqual([
    [1, 1, 28, 1460, 20, 16],
    [1, 0, 0, 0, 20, 6],
    [0, 0, 0, 0, 0, 0],
  ]);
  expect(addon.written[0]).toHaveLength(10 + 28 + 3000);
  expect(textOf(addon.written[2])).toEqual([...new Array<number>(28).fill(3), 0xee, 0xee, 0xee, 0xee]);
  expect(tx.pending).toBe(0);
});

test("virtio 1.2 §5.1.6.4: what the kernel vouches for, and its segment size, reach the row; the header does not", () => {
  const { addon, device } = started();
  const header = (flags: number, type: number, size: number): number[] => [
    ...[flags, type, 0, 0],
    ...new Uint8Array(new Uint16Array([size]).buffer),
    ...[0, 0, 0, 0],
  ];
  addon.readable = [
    [...header(0, 0, 0), 1],
    [...header(1, 1, 1448), 2, 2],
    [...header(2, 0, 0), 3],
    [...header(1, 0x84, 1440), 4],
    [...header(1, 5, 1000), 5], // UDP: asked for by nobody.
    PLAIN, // No datagram behind it.
    [1, 2, 3],
  ].map((octets) => Uint8Array.from(octets));
  const rx = new RxBatch(8);
  expect(device.read(rx)).toBe(5);
  expect([...rx.vouched.subarray(0, 5)]).toEqual([0, 1, 1, 1, 1]);
  expect([...rx.gsoSize.subarray(0, 5)]).toEqual([0, 1448, 0, 1440, 0]);
  const rows = [0, 1, 2, 3, 4].map((row) => [...rx.frame.bytes.subarray(rx.at[row], rx.end[row])]);
  expect(rows).toEqual([[1], [2, 2], [3], [4], [5]]);
  expect([...rx.at.subarray(0, 5)].map((at) => at % 8)).toEqual([0, 0, 0, 0, 0]);
  expect(device.counters).toMatchObject({ rxRows: 5, rxMalformed: 2 });
});

test("a read clears the batch, and takes no more than it holds", () => {
  const { addon, device } = started({ offload: false });
  addon.readable = [1, 2, 3].map((octet) => Uint8Array.of(octet));
  const rx = new RxBatch(2);
  expect([device.read(rx), device.read(rx), device.read(rx)]).toEqual([2, 1, 0]);
  expect([rx.rows, rx.used]).toEqual([0, 0]);
});

test("what can never go is dropped and counted, wherever it stands; the others go in order", () => {
  const { addon, device } = started({ offload: false });
  const tx = rowsOf([1473], [1472], [3000], [1], [2], [3]);
  tx.gsoSize[2] = 1460;
  device.write(tx);
  expect(addon.written.map((row) => row[0])).toEqual([2, 4, 5, 6]);
  expect(device.counters).toMatchObject({ txRows: 4, txUnfit: 2 });
  expect(tx.pending).toBe(0);
});

test("RFC 1071: without a link header checksums are completed on the way out", () => {
  const { addon, device } = started({ offload: false });
  const tx = rowsOf([5], [6]);
  tx.checksumFrom[0] = 20;
  tx.checksumAt[0] = 26;
  device.write(tx);
  const [done, left] = addon.written;
  expect(sumOctets(done, 20, done.length, 0x0101)).toBe(0xffff); // What stood there counts for the pseudo-header.
  expect([...left.subarray(0, 28)]).toEqual(new Array<number>(28).fill(2));
});

test("RFC 768, RFC 1624 §3: without a link header a UDP sum of zero leaves as 0xffff, and TCP's as 0", () => {
  const { addon, device } = started({ offload: false });
  const zeros = [(text: number[]) => udp(text), (text: number[]) => tcp({ text })].map((make) => {
    const blank = make([0, 0]);
    const at = blank[9] === 17 ? 26 : 36;
    return make([blank[at], blank[at + 1]]);
  });
  const tx = new TxBatch();
  for (const datagram of zeros) addPartialRow(tx, datagram, [1]);
  device.write(tx);
  expect(addon.written).toEqual(zeros);
  expect([...zeros[0].subarray(26, 28), ...zeros[1].subarray(36, 38)]).toEqual([0xff, 0xff, 0, 0]);
});

test("RFC 1071: without a link header the device vouches for segments whose checksum is right, and for nothing else", () => {
  const { addon, device } = started({ offload: false });
  const whole = tcp({ text: [1, 2, 3] });
  const changed = (at: number): Uint8Array => whole.map((octet, i) => (i === at ? octet ^ 0x10 : octet));
  // Two faults, of header and segment, that make up for each other in the sum of all.
  const twice = whole.map((octet, i) => (i === 10 ? octet + 1 : i === 36 ? octet - 1 : octet));
  addon.readable = [whole, changed(42), changed(16), changed(6), Uint8Array.from([...whole, 0]), twice];
  const rx = new RxBatch(8);
  expect(device.read(rx)).toBe(6);
  expect([...rx.vouched.subarray(0, 6)]).toEqual([1, 0, 0, 0, 0, 0]);
});

test("more rows than a batch of the driver's are written as well", () => {
  const { addon, device } = started();
  const tx = new TxBatch(300);
  for (let i = 0; i < 300; i++) tx.open(8);
  device.write(tx);
  expect(addon.written).toHaveLength(300);
});

test("EAGAIN: rows stay, polling for room begins, and ends when there is some", () => {
  const { addon, device, told } = started();
  const tx = rowsOf([1], [2], [3]);
  addon.refusals = [0, EAGAIN];
  device.write(tx);
  expect([addon.written.length, tx.pending, tx.first]).toEqual([1, 2, 1]);
  device.write(tx); // Still full: not even tried.
  expect(addon.calls).toEqual([`poll ${String(EVENT_READABLE | EVENT_WRITABLE)}`]);
  addon.tell?.(EVENT_WRITABLE, 0);
  expect(told).toEqual(["writable"]);
  expect(addon.calls.at(-1)).toBe(`poll ${String(EVENT_READABLE)}`);
  device.write(tx);
  expect(addon.written.map((row) => textOf(row)[0])).toEqual([1, 2, 3]);
  expect(device.counters).toMatchObject({ txRows: 3, txFull: 1, txRefused: 0 });
});

test.for([ENOBUFS, ENOMEM])(
  "errno %i: the row is lost and counted, and polling for room, which would spin, is not begun",
  (errno) => {
    const { addon, device, told } = started();
    addon.refusals = [0, errno, 0, errno];
    const tx = rowsOf([1], [2], [3], [4]);
    device.write(tx);
    expect(addon.written.map((row) => textOf(row)[0])).toEqual([1, 3]);
    expect([tx.pending, addon.calls, told]).toEqual([0, [], []]);
    expect(device.counters).toMatchObject({ txRows: 2, txNoMemory: 2, txFull: 0, txRefused: 0 });
  },
);

test("EINVAL, EMSGSIZE and the like cost one row, not the device", () => {
  const { addon, device, told } = started();
  addon.refusals = [EINVAL, 0, EMSGSIZE, 0];
  device.write(rowsOf([1], [2], [3], [4]));
  expect(addon.written.map((row) => textOf(row)[0])).toEqual([2, 4]);
  expect(device.counters).toMatchObject({ txRows: 2, txRefused: 2 });
  expect(told).toEqual([]);
});

test("a link that goes down: its rows are given back, and it is told once, by the event loop", () => {
  const { addon, device, told } = started();
  addon.state.flags = 0;
  addon.refusals = [0, EIO];
  const tx = rowsOf([1], [2], [3]);
  device.write(tx);
  expect(told).toEqual([]);
  addon.tell?.(EVENT_LINK | EVENT_READABLE, 0);
  addon.tell?.(EVENT_LINK | EVENT_READABLE, 0);
  expect(told).toMatchObject([{ code: "ERR_TUN_DOWN" }]);
  expect(addon.calls).toEqual(["poll 0"]);
  expect([tx.pending, device.counters.txRows, device.counters.txNoLink]).toEqual([0, 1, 2]);
  addon.readable = [Uint8Array.from([...PLAIN, 1])];
  expect(device.read(new RxBatch())).toBe(0);
  device.write(rowsOf([1]));
  expect([addon.written.length, device.counters.txNoLink]).toEqual([1, 3]);
});

test("a link that was never up loses rows and goes on; it may come up and then go down", () => {
  const addon = new FakeAddon();
  addon.state.flags = 0;
  const { device, told } = started({}, addon);
  addon.refusals = [EIO];
  device.write(rowsOf([1], [2]));
  addon.tell?.(EVENT_LINK, 0);
  expect([told, device.counters.txNoLink]).toEqual([[], 2]);
  addon.state = { index: 3, flags: 1, mtu: 900, queueLength: 4096 };
  addon.tell?.(EVENT_LINK, 0);
  expect(device.mtu).toBe(900);
  device.write(rowsOf([1]));
  expect(device.counters.txRows).toBe(1);
  addon.state.flags = 0;
  addon.tell?.(EVENT_LINK, 0);
  expect(told).toMatchObject([{ code: "ERR_TUN_DOWN" }]);
});

test.for([
  ["a failed poll", 0, -9],
  ["a notice", EVENT_LINK, 0],
] as const)("a removed device is told by %s, once, and never from inside a call", ([, what, status]) => {
  const { addon, device, told } = started();
  addon.deviceRemoved = true;
  addon.refusals = [EBADFD];
  const tx = rowsOf([1], [1]);
  device.write(tx);
  for (const errno of [EBADFD, EFAULT]) {
    addon.results.set("readBatch", -errno);
    expect(device.read(new RxBatch())).toBe(0);
  }
  expect([told, tx.pending, device.counters.txNoLink]).toEqual([[], 0, 2]);
  addon.tell?.(what, status);
  addon.tell?.(what, status);
  expect(told).toMatchObject([{ code: "ERR_TUN_REMOVED", errno: -EBADFD }]);
});

test("another failure of a poll or a read is told with its errno", () => {
  const polled = started();
  polled.addon.tell?.(0, -EINVAL);
  const read = started();
  read.addon.results.set("readBatch", -EIO);
  read.device.read(new RxBatch());
  expect(read.told).toEqual([]);
  read.addon.tell?.(EVENT_WRITABLE, 0);
  expect(polled.told).toMatchObject([{ code: "EINVAL", syscall: "poll" }]);
  expect(read.told).toMatchObject([{ code: "EIO", syscall: "read" }]);
});

test("a device whose link cannot be seen goes on", () => {
  const { addon, told } = started();
  addon.results.set("interfaceState", -19); // ENODEV: it was moved to another network namespace.
  addon.tell?.(EVENT_LINK | EVENT_READABLE, 0);
  expect(told).toEqual(["readable"]);
});

test("nothing is told after close, and what is called then does nothing", () => {
  const { addon, device, told } = started();
  device.close();
  device.close();
  device.ref();
  device.unref();
  const tx = rowsOf([1]);
  device.write(tx);
  expect([tx.pending, device.read(new RxBatch())]).toEqual([0, 0]);
  expect(told).toEqual([]);
  expect(addon.calls).toEqual(["close"]);
});
