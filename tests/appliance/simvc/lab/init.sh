#!/bin/sh
# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What runs in a booted node: the SSH server, what systemd was told to start, and the service manager in the foreground.
/usr/sbin/sshd -D -e &
/usr/lib/simvc/run simvc.daemons.units &
exec /usr/lib/simvc/run simvc.daemons.vmon
