# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the card may read: the elements of scatter-gather lists and map registers, by device address."""

from __future__ import annotations

from nicrig.verifier.model.things import Element


class Elements:
    """Elements by their first address. When the same memory is in two lists, the older unread one is found."""

    def __init__(self) -> None:
        self._at: dict[int, list[Element]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, element: Element) -> None:
        self._count += 1
        self._at.setdefault(element.physical, []).append(element)

    def remove(self, element: Element) -> None:
        """Remove an element that was added."""
        self._count -= 1
        there = self._at[element.physical]
        if len(there) == 1:
            del self._at[element.physical]
        else:
            there.remove(element)

    def find(self, address: int, length: int) -> Element | None:
        """The element that holds all of [address, address + length)."""
        there = self._at.get(address)
        if there is None:
            return self._inside(address, length)
        for element in there:
            if length <= element.length and not element.read:
                return element
        return next((element for element in there if length <= element.length), None) or self._inside(address, length)

    def _inside(self, address: int, length: int) -> Element | None:
        """Search all elements: a card rarely reads an element in parts."""
        for there in self._at.values():
            for element in there:
                if element.physical <= address and address + length <= element.physical + element.length:
                    return element
        return None
