#!/bin/sh
# Makes a persistent TUN device that USER may attach to without privileges, and brings it up.
#
#   sudo native-setup/tun-up.sh NAME USER [ADDRESS/PREFIX [PEER]]
#
# ADDRESS is the kernel's own address on the link, PEER the one that fourtuple will answer for.
# It needs iproute2 alone. Running it again changes nothing but the addresses that are named and a queue that is too short.
set -eu

usage() {
  echo "usage: tun-up.sh NAME USER [ADDRESS/PREFIX [PEER]]" >&2
  exit 2
}
fail() {
  echo "tun-up.sh: $1" >&2
  exit 1
}

[ "$#" -ge 2 ] && [ "$#" -le 4 ] || usage
name=$1
user=$2
address=${3:-}
peer=${4:-}

# Frames that may wait for fourtuple: QUEUE_LENGTH of src/device/tun-interface.ts, which says why.
queue=4096

command -v ip >/dev/null || fail "ip is missing: apt-get install iproute2"
uid=$(id -u "$user" 2>/dev/null) || fail "there is no user $user"
[ -c /dev/net/tun ] || fail "/dev/net/tun is missing: modprobe tun, or give the container --device /dev/net/tun"

if ip link show dev "$name" >/dev/null 2>&1; then
  ip -details link show dev "$name" | grep -q "tun type tun " || fail "$name exists and is no TUN device"
else
  ip tuntap add dev "$name" mode tun user "$uid" || fail "$name could not be made: run it as root (sudo)"
fi
if [ -n "$address" ]; then
  if [ -n "$peer" ]; then
    # One host route to the peer, and the network's own, as `fourtuple serve --peer` sets them.
    ip address replace "${address%/*}" peer "$peer/${address#*/}" dev "$name"
  else
    ip address replace "$address" dev "$name"
  fi
fi
# Speed under load is all that a short queue costs, so a system that does not tell or allow it is no failure.
now=$(ip -oneline link show dev "$name" | sed -n 's/.* qlen \([0-9][0-9]*\).*/\1/p')
if [ "${now:-0}" -lt "$queue" ]; then
  ip link set dev "$name" txqueuelen "$queue" || echo "tun-up.sh: the queue of $name stays at ${now:-0} frames" >&2
fi
ip link set dev "$name" up

# The kernel asks for CAP_NET_ADMIN or ownership when a process attaches; the file's mode (0666 on Debian) only gates opening it.
# It is the whole machine's, so this script says what to do and leaves it alone.
case $(stat -c %a /dev/net/tun) in
  *6) ;;
  *) [ "$uid" -eq 0 ] || fail "$name is up, but $user may not open /dev/net/tun: chmod 0666 /dev/net/tun" ;;
esac
echo "tun-up.sh: $name is up; $user may attach to it"
