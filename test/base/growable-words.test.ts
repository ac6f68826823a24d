import { afterEach, describe, expect, test, vi } from "vitest";
import { GrowableWords } from "../../src/base/growable-words.ts";

afterEach(() => {
  vi.unstubAllGlobals();
});

describe.each([
  ["in place", (): void => undefined],
  ["by copying, where there is no WebAssembly", (): void => void vi.stubGlobal("WebAssembly", undefined)],
  [
    "by copying, where address space is refused",
    (): void =>
      void vi.stubGlobal("WebAssembly", {
        Memory: function refuse(): never {
          throw new RangeError("could not allocate memory");
        },
      }),
  ],
])("design.md §3.4, growth %s", (_, arrange) => {
  test("words keep their values and new ones are 0, up to the promised maximum", () => {
    arrange();
    const max = 1_000_000;
    const memory = new GrowableWords(max);
    let length = memory.words.length;
    expect(length).toBeGreaterThan(0);
    for (let i = 0; i < length; i++) memory.words[i] = i;
    for (let want = 20_000; want <= max; want += 70_000) {
      memory.growTo(want);
      expect(memory.words.length).toBeGreaterThanOrEqual(want);
      expect(memory.words[length - 1]).toBe(length - 1);
      expect(memory.words.subarray(length).every((word) => word === 0)).toBe(true);
      for (let i = length; i < memory.words.length; i++) memory.words[i] = i;
      length = memory.words.length;
    }
    memory.growTo(max);
    expect(memory.words.length).toBeGreaterThanOrEqual(max);
    expect(memory.words.subarray(0, length).every((word, i) => word === i)).toBe(true);
  });
});
