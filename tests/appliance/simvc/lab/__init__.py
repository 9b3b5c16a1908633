# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated nodes under real OpenSSH, each in namespaces of its own."""

from .lab import Lab, LabError, down
from .node import Node, NodeNotReady, ToolCall
from .registry import LabBusy

__all__ = ["Lab", "LabBusy", "LabError", "Node", "NodeNotReady", "ToolCall", "down"]
