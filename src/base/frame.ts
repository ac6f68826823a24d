/**
 * Octets with the two ways to read them: `bytes` and `view` cover the same memory and are made once, together.
 * A frame read from a device is a range [at, end) of one.
 */
export class Frame {
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  static ofSize(octets: number): Frame {
    return new Frame(new Uint8Array(octets));
  }
}
