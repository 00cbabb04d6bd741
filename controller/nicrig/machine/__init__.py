# SPDX-License-Identifier: GPL-2.0-or-later
"""The virtual machine: QEMU, its accelerator, and the guest inside it."""
