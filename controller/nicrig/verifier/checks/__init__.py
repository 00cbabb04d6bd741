# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of docs/ndis51.md section 9, a file for each section. A check sees the world as it was before its event."""
