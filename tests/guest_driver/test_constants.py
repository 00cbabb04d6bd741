# SPDX-License-Identifier: GPL-2.0-or-later
"""Our NDIS headers hold the values of docs/ndis51.md sections 1.1 and 1.2."""

from __future__ import annotations

import pytest

from tests.guest_driver.sources import NDIS_HEADERS, constants

STATUS = {
    "NDIS_STATUS_SUCCESS": 0x00000000,
    "NDIS_STATUS_PENDING": 0x00000103,
    "NDIS_STATUS_NOT_RECOGNIZED": 0x00010001,
    "NDIS_STATUS_NOT_COPIED": 0x00010002,
    "NDIS_STATUS_NOT_ACCEPTED": 0x00010003,
    "NDIS_STATUS_RESET_START": 0x40010004,
    "NDIS_STATUS_RESET_END": 0x40010005,
    "NDIS_STATUS_SOFT_ERRORS": 0x80010003,
    "NDIS_STATUS_HARD_ERRORS": 0x80010004,
    "NDIS_STATUS_FAILURE": 0xC0000001,
    "NDIS_STATUS_RESOURCES": 0xC000009A,
    "NDIS_STATUS_NOT_SUPPORTED": 0xC00000BB,
    "NDIS_STATUS_CLOSING": 0xC0010002,
    "NDIS_STATUS_BAD_VERSION": 0xC0010004,
    "NDIS_STATUS_BAD_CHARACTERISTICS": 0xC0010005,
    "NDIS_STATUS_ADAPTER_NOT_FOUND": 0xC0010006,
    "NDIS_STATUS_OPEN_FAILED": 0xC0010007,
    "NDIS_STATUS_DEVICE_FAILED": 0xC0010008,
    "NDIS_STATUS_RESET_IN_PROGRESS": 0xC001000D,
    "NDIS_STATUS_INVALID_PACKET": 0xC001000F,
    "NDIS_STATUS_INVALID_LENGTH": 0xC0010014,
    "NDIS_STATUS_INVALID_DATA": 0xC0010015,
    "NDIS_STATUS_BUFFER_TOO_SHORT": 0xC0010016,
    "NDIS_STATUS_ADAPTER_REMOVED": 0xC0010018,
    "NDIS_STATUS_UNSUPPORTED_MEDIA": 0xC0010019,
    "NDIS_STATUS_RESOURCE_CONFLICT": 0xC001001E,
    "NDIS_STATUS_INVALID_ADDRESS": 0xC0010022,
    "STATUS_INVALID_PARAMETER": 0xC000000D,
    "STATUS_CONFLICTING_ADDRESSES": 0xC0000018,
}
FLAGS = {
    "NDIS_MEMORY_CONTIGUOUS": 0x1,
    "NDIS_MEMORY_NONCACHED": 0x2,
    "NDIS_ATTRIBUTE_IGNORE_PACKET_TIMEOUT": 0x1,
    "NDIS_ATTRIBUTE_IGNORE_REQUEST_TIMEOUT": 0x2,
    "NDIS_ATTRIBUTE_IGNORE_TOKEN_RING_ERRORS": 0x4,
    "NDIS_ATTRIBUTE_BUS_MASTER": 0x8,
    "NDIS_ATTRIBUTE_INTERMEDIATE_DRIVER": 0x10,
    "NDIS_ATTRIBUTE_DESERIALIZE": 0x20,
    "NDIS_ATTRIBUTE_NO_HALT_ON_SUSPEND": 0x40,
    "NDIS_ATTRIBUTE_SURPRISE_REMOVE_OK": 0x80,
    "NDIS_ATTRIBUTE_NOT_CO_NDIS": 0x100,
    "NDIS_ATTRIBUTE_USES_SAFE_BUFFER_APIS": 0x200,
    "NdisInterfaceInternal": 0,
    "NdisInterfaceIsa": 1,
    "NdisInterfaceEisa": 2,
    "NdisInterfaceMca": 3,
    "NdisInterfaceTurboChannel": 4,
    "NdisInterfacePci": 5,
    "NdisInterfacePcMcia": 8,
    "NdisInterruptLevelSensitive": 0,
    "NdisInterruptLatched": 1,
    "NdisDevicePnPEventQueryRemoved": 0,
    "NdisDevicePnPEventRemoved": 1,
    "NdisDevicePnPEventSurpriseRemoved": 2,
    "NdisDevicePnPEventQueryStopped": 3,
    "NdisDevicePnPEventStopped": 4,
    "NdisDevicePnPEventPowerProfileChanged": 5,
    "LowPagePriority": 0,
    "NormalPagePriority": 16,
    "HighPagePriority": 32,
    "PASSIVE_LEVEL": 0,
    "APC_LEVEL": 1,
    "DISPATCH_LEVEL": 2,
    "HIGH_LEVEL": 15,
    "PAGE_SIZE": 0x1000,
    "PAGE_SHIFT": 12,
    "MDL_MAPPED_TO_SYSTEM_VA": 0x1,
    "MDL_PAGES_LOCKED": 0x2,
    "MDL_SOURCE_IS_NONPAGED_POOL": 0x4,
    "MDL_PARTIAL": 0x10,
    "MDL_IO_SPACE": 0x800,
    "MDL_MAPPING_CAN_FAIL": 0x2000,
    "fPACKET_CONTAINS_MEDIA_SPECIFIC_INFO": 0x40,
    "fPACKET_ALLOCATED_BY_NDIS": 0x80,
    "ScatterGatherListPacketInfo": 5,
}


@pytest.fixture(scope="module")
def header() -> dict[str, int]:
    return constants("\n".join(path.read_text() for path in NDIS_HEADERS))


@pytest.mark.parametrize(("name", "value"), [*STATUS.items(), *FLAGS.items()])
def test_a_constant_has_its_documented_value(header: dict[str, int], name: str, value: int) -> None:
    assert header.get(name) == value


def test_no_status_has_the_value_of_another(header: dict[str, int]) -> None:
    values = [value for name, value in header.items() if name.startswith("NDIS_STATUS_")]
    assert len(values) == len(set(values))
