/** The Internet checksum where the device vouches for nothing: octets at memory speed, headers at their fixed cost. */
import { sumOctets } from "../src/base/checksum.ts";
import type { Bench } from "./harness.ts";

const LENGTHS = [20, 64, 1_460, 65_535];

export async function checksum(bench: Bench): Promise<void> {
  const bytes = Uint8Array.from({ length: 65_536 + 64 }, (_, i) => (i * 167) >> 3);
  for (const length of LENGTHS) {
    const full = Math.min(20_000_000, Math.ceil(400_000_000 / length));
    const ns = await bench.bench(`checksum: ${length.toLocaleString("en")} octets`, { smoke: 100, full }, (n) => {
      let sum = 0;
      for (let i = 0; i < n; i++) sum = sumOctets(bytes, i & 15, (i & 15) + length, sum);
      return sum;
    });
    bench.figure(`checksum: ${length.toLocaleString("en")} octets`, length / ns, "GB/s");
  }
}
