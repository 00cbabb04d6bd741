# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from nicrig.provision.libvfio_user import HEADER
from nicrig_device.vfio_user.abi import DMA_REGIONS, Generation
from tests.fakes import generation_b
from tests.fakes.card_process import BUILT_LIBRARY

OLD = "int vfu_setup_device_dma(vfu_ctx_t *vfu_ctx, vfu_dma_register_cb_t *dma_register);\n"


@pytest.mark.parametrize(
    ("header", "generation", "regions"),
    [
        (OLD, Generation.A, 16),
        (f"{OLD}#define MAX_DMA_REGIONS 4096\n", Generation.A, 4096),
        (generation_b.HEADER, Generation.B, DMA_REGIONS),
    ],
)
def test_a_header_says_which_library_it_is_and_how_many_ranges_it_takes(
    header: str, generation: Generation, regions: int
) -> None:
    assert Generation.of_header(header) is generation
    assert generation.dma_regions(header) == regions


@pytest.mark.real
def test_our_build_takes_as_many_ranges_as_the_card() -> None:
    header = BUILT_LIBRARY.with_name(HEADER).read_text()
    assert Generation.of_header(header).dma_regions(header) == DMA_REGIONS
