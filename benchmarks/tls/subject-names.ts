/** Ours over our TCP on a TUN and over a `Duplex`; `node:tls` on the kernel's TCP and over the same `Duplex`. */
export const TLS_SUBJECTS = ["tls-tun", "tls-duplex", "node-tls", "node-tls-duplex"] as const;
export type TlsSubjectName = (typeof TLS_SUBJECTS)[number];
