/** A ciphertext and what its unwrapping has to give, in the form of Project Wycheproof. */
export interface UnwrappingVector {
  readonly comment: string;
  readonly flags: readonly string[];
  /** Of ClientHello, in hexadecimal. */
  readonly version: string;
  readonly ct: string;
  /** What comes of it; "" stands for the substitute. */
  readonly msg: string;
  readonly result: "valid" | "invalid";
}
