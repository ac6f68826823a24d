/** Counts of the IPv4 layer, named as the objects `ipSystemStats…` of RFC 4293. */
export interface Ipv4Counters {
  inReceives: number;
  inHdrErrors: number;
  inAddrErrors: number;
  /** The stack's to count: it knows which protocols there are. */
  inUnknownProtos: number;
  inDelivers: number;
  reasmReqds: number;
  reasmOks: number;
  reasmFails: number;
  outNoRoutes: number;
  outFragReqds: number;
  outFragFails: number;
  outFragCreates: number;
}

export const newIpv4Counters = (): Ipv4Counters => ({
  inReceives: 0,
  inHdrErrors: 0,
  inAddrErrors: 0,
  inUnknownProtos: 0,
  inDelivers: 0,
  reasmReqds: 0,
  reasmOks: 0,
  reasmFails: 0,
  outNoRoutes: 0,
  outFragReqds: 0,
  outFragFails: 0,
  outFragCreates: 0,
});
