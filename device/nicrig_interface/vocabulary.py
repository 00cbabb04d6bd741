# SPDX-License-Identifier: GPL-2.0-or-later
"""The values that options and answers may have."""

from __future__ import annotations

from typing import Literal, TypeAlias

CardKind: TypeAlias = Literal["bus-master", "subordinate", "non-dma"]
"""How a card moves frames."""
InterruptMode: TypeAlias = Literal["msix", "msi"]
"""msi has one vector."""
LedgerPolicy: TypeAlias = Literal["off", "report", "enforce"]
"""What happens to DMA that the driver has not granted: not checked, done and reported, or refused and reported."""
