/** A line of what a benchmark says. */
export const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
