#!/bin/sh
# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# First process of a node, in new mount, UTS, IPC, network and PID namespaces: builds the node's root and becomes its
# init. All mounts live in this namespace only: they, and the loop device of the disk, go when its last process goes.
#
#   node-init.sh LAB NODE      the lab's folder, this node's folder in it
set -eu

lab=$1 node=$2
. "$node/boot.env" # NAME ADDRESS IPV6 PYTHON

network() {
    until grep -q eth0: /proc/net/dev; do sleep 0.01; done
    printf '%s\n' 'link set lo up' "address add $ADDRESS/24 dev eth0" 'link set eth0 up' | ip -batch -
    ip address add "$IPV6/64" dev eth0 nodad || echo "no IPv6 in this kernel" >&2
    hostname "$NAME"
}

# The disk is an image so that a power loss can lose what was not synced. Where loop devices are missing, a folder.
disk() {
    disk=$node/disk
    mount -o loop,noatime "$node/disk.img" "$disk" || echo "no loop device: the disk of $NAME is a folder" >&2
    [ -e "$disk/.filled" ] && return
    cp -a "$lab/skeleton/." "$disk"
    cp -a "$node/seed/." "$disk"
    : >"$disk/.filled"
}

usr() {
    mkdir -p "$disk/usr/upper" "$disk/usr/work"
    mount -t overlay -o "lowerdir=$lab/base/usr:/usr,upperdir=$disk/usr/upper,workdir=$disk/usr/work" usr usr
    while read -r source target; do
        if [ -d "$source" ]; then mkdir -p ".$target"; else mkdir -p ".${target%/*}" && : >".$target"; fi
        mount --bind -o ro "$source" ".$target"
        for_everybody "${target%/*}"
    done <"$node/binds"
    case $PYTHON in
    /usr/bin/*) : >".$PYTHON" && mount --bind "$PYTHON" ".$PYTHON" ;;
    esac
    ln -sfn "$PYTHON" usr/bin/python3
}

# An interpreter below a home folder must be reached by all users of the node.
for_everybody() {
    [ -z "$1" ] && return
    chmod o+x ".$1"
    for_everybody "${1%/*}"
}

devices() {
    mount -t tmpfs -o mode=755,size=64k dev dev
    mkdir dev/pts dev/shm
    for name in null zero full random urandom tty; do
        : >dev/$name
        mount --bind /dev/$name dev/$name
    done
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
    mount -t tmpfs -o mode=1777 shm dev/shm
    ln -s pts/ptmx dev/ptmx
    ln -s /proc/self/fd dev/fd
    ln -s /proc/self/fd/0 dev/stdin
    ln -s /proc/self/fd/1 dev/stdout
    ln -s /proc/self/fd/2 dev/stderr
}

# The kernel's boot id is the host's; a node that lost power must see another one.
volatile() {
    mount -t proc proc proc
    mount -t tmpfs -o mode=755 run run
    mkdir run/sshd run/lock run/simvc
    mount --bind "$node/outside" run/simvc
    mkdir -p run/simvc/usr
    mount --bind "$disk/usr/upper" run/simvc/usr
    mount --bind run/simvc/boot_id proc/sys/kernel/random/boot_id
}

network
disk
mount -t tmpfs -o mode=755,size=1m root "$lab/root"
cd "$lab/root"
mkdir usr dev proc sys run mnt old
for name in bin sbin lib lib64; do ln -s usr/$name $name; done

for name in etc home opt root storage tmp var; do
    mkdir $name
    mount --bind "$disk/$name" $name
done
usr
devices
volatile
pivot_root . old
cd /
umount -l old
rmdir old
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /usr/bin/tini -- /usr/lib/simvc/init
