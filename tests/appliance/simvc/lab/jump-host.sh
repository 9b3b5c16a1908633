#!/bin/sh
# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The jump host, in mount, network and PID namespaces of its own: this machine's files, but for a few.
#
#   jump-host.sh FOLDER ADDRESS IPV6 ADDRESS_OUTSIDE
set -eu

folder=$1
until grep -q eth0: /proc/net/dev && grep -q eth1: /proc/net/dev; do sleep 0.01; done
printf '%s\n' 'link set lo up' 'link set eth0 up' 'link set eth1 up' \
    "address add $2/24 dev eth0" "address add $4/24 dev eth1" | ip -batch -
ip address add "$3/64" dev eth0 nodad || echo "no IPv6 in this kernel" >&2

# Root may be locked on this machine, and the nodes are known by name here.
mount --bind "$folder/shadow" /etc/shadow
mount --bind "$folder/hosts" /etc/hosts
mount -t tmpfs -o mode=755 run /run
mkdir /run/sshd
exec /usr/sbin/sshd -D -e -f "$folder/sshd_config"
