// WebAssembly text to binary, as much of both as src/stack/four-tuple-burst.wat needs: functions of unfolded instructions.
// Source: WebAssembly Core Specification 2.0, chapters 5 (binary format) and 6 (text format).

const VALUE_TYPES = { i32: 0x7f, i64: 0x7e, v128: 0x7b };
const NO_RESULT = 0x40;

/** Opcodes by what stands behind them: nothing, a label, a local, a constant, a memory argument, a lane, sixteen lanes. */
const PLAIN = {
  end: [0x0b], else: [0x05], return: [0x0f], select: [0x1b], "i32.eqz": [0x45], "i32.lt_s": [0x48], "i32.lt_u": [0x49], "i32.le_u": [0x4d], "i32.add": [0x6a],
  "i32.sub": [0x6b], "i32.mul": [0x6c], "i32.and": [0x71], "i32.or": [0x72], "i32.xor": [0x73], "i32.shl": [0x74],
  "i32.shr_s": [0x75], "i32.shr_u": [0x76], "i64.or": [0x84], "i64.shr_u": [0x88], "i32.wrap_i64": [0xa7],
  "i32x4.splat": simd(17), "i32x4.eq": simd(55), "v128.and": simd(78), "v128.andnot": simd(79), "v128.or": simd(80), "v128.xor": simd(81),
  "v128.any_true": simd(83), "i32x4.shl": simd(171), "i32x4.shr_u": simd(173), "i32x4.shr_s": simd(172), "i32x4.add": simd(174), "i32x4.sub": simd(177), "i32x4.mul": simd(181),
}; // prettier-ignore
const BLOCKS = { block: 0x02, loop: 0x03, if: 0x04 };
const BRANCHES = { br: 0x0c, br_if: 0x0d };
const LOCALS = { "local.get": 0x20, "local.set": 0x21, "local.tee": 0x22 };
const CONSTANTS = { "i32.const": 0x41, "i64.const": 0x42 };
/** Opcode, and the alignment's logarithm. */
const MEMORY = {
  "i32.load": [[0x28], 2], "i32.store": [[0x36], 2], "v128.load": [simd(0), 4], "v128.load32_splat": [simd(9), 2],
  "v128.store": [simd(11), 4], "v128.load32_zero": [simd(92), 2],
}; // prettier-ignore
const LANES = { "i32x4.extract_lane": 27, "i32x4.replace_lane": 28, "i64x2.extract_lane": 29 };

/** LEB128, unsigned. */
function unsigned(value) {
  const bytes = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return [...bytes, value];
}
/** LEB128, signed, of an int32. */
function signed(value) {
  const bytes = [];
  for (; value < -64 || value > 63; value >>= 7) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value & 0x7f];
}
function simd(code) {
  return [0xfd, ...unsigned(code)];
}
const vector = (items) => [...unsigned(items.length), ...items.flat()];
const named = (text) => vector([...Buffer.from(text)]);
const section = (id, content) => [id, ...vector(content)];

/** All instructions of the body. Errors: what is not known here. */
function instructions(lines, locals, functions) {
  const labels = [];
  return lines.flatMap((line) => {
    const [name, ...rest] = line.split(/\s+/);
    const local = () => {
      const at = locals.indexOf(rest[0]);
      if (at < 0) throw new Error(`no local: ${line}`);
      return unsigned(at);
    };
    if (name in BLOCKS) {
      labels.push(rest[0] ?? "");
      return [BLOCKS[name], NO_RESULT];
    }
    if (name === "end") labels.pop();
    if (name in PLAIN) return PLAIN[name];
    if (name in BRANCHES) return [BRANCHES[name], ...unsigned(labels.length - 1 - labels.lastIndexOf(rest[0]))];
    if (name in LOCALS) return [LOCALS[name], ...local()];
    if (name in CONSTANTS) return [CONSTANTS[name], ...signed(Number(rest[0]) | 0)];
    if (name in MEMORY)
      return [...MEMORY[name][0], MEMORY[name][1], ...unsigned(Number(rest[0].replace("offset=", "")))];
    if (name in LANES) return [...simd(LANES[name]), Number(rest[0])];
    if (name === "call") return [0x10, ...unsigned(functions.indexOf(rest[0]))];
    if (name === "i8x16.shuffle") return [...simd(13), ...rest.map(Number)];
    throw new Error(`no instruction: ${line}`);
  });
}

/** One function: its name, its name outside or "", its type, and its code. */
function parts(text) {
  const declared = (kind) =>
    [...text.matchAll(new RegExp(`\\(${kind} (\\$\\w+) (\\w+)\\)`, "g"))].map(([, name, type]) => ({ name, type }));
  const params = declared("param");
  const locals = declared("local");
  const results = [...text.matchAll(/\(result (\w+)\)/g)].map(([, type]) => VALUE_TYPES[type]);
  const types = (variables) => variables.map(({ type }) => VALUE_TYPES[type]);
  return {
    name: /^\$\w+/.exec(text)[0],
    exported: /\(export "(\w+)"\)/.exec(text)?.[1] ?? "",
    type: [0x60, ...vector(types(params)), ...vector(results)],
    locals: vector(types(locals).map((type) => [1, type])),
    names: [...params, ...locals].map(({ name }) => name),
    lines: text.split("\n").slice(1).map((line) => line.trim()).filter((line) => line !== "" && !/^[()]/.test(line)), // prettier-ignore
  };
}

/** The module in `text`: imports the memory "table" "memory", exports the functions that say so. */
export function assemble(text) {
  const functions = text.replace(/;;.*$/gm, "").split("(func ").slice(1).map(parts);
  const names = functions.map(({ name }) => name);
  const exports = functions.flatMap(({ exported }, i) => (exported === "" ? [] : [[...named(exported), 0x00, i]]));
  const bodies = functions.map(({ locals, lines, names: variables }) =>
    vector([...locals, ...instructions(lines, variables, names), ...PLAIN.end]),
  );
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(functions.map(({ type }) => type))),
    ...section(2, [1, ...named("table"), ...named("memory"), 0x02, 0x00, 1]),
    ...section(3, vector(functions.map((_, i) => i))),
    ...section(7, vector(exports)),
    ...section(10, vector(bodies)),
  ]);
}
