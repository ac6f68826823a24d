#!/bin/sh
# Removes a persistent TUN device: sudo native-setup/tun-down.sh NAME
set -eu

if [ "$#" -ne 1 ]; then
  echo "usage: tun-down.sh NAME" >&2
  exit 2
fi
if ! ip link show dev "$1" >/dev/null 2>&1; then
  echo "tun-down.sh: there is no $1"
  exit 0
fi
if ! ip -details link show dev "$1" | grep -q "tun type tun "; then
  echo "tun-down.sh: $1 is no TUN device" >&2
  exit 1
fi
ip link delete dev "$1"
echo "tun-down.sh: $1 is gone"
