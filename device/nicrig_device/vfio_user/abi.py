# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of libvfio-user's ABI that the card uses. Two generations have one SONAME and differ in one call."""

from __future__ import annotations

import enum
import re

COMMON = """
typedef ... vfu_ctx_t;
typedef int64_t loff_t;
struct iovec { void *iov_base; size_t iov_len; };
typedef struct {
    struct iovec iova;
    void *vaddr;
    struct iovec mapping;
    size_t page_size;
    uint32_t prot;
} vfu_dma_info_t;

typedef void (vfu_log_fn_t)(vfu_ctx_t *, int, const char *);
typedef ssize_t (vfu_region_access_cb_t)(vfu_ctx_t *, char *, size_t, loff_t, bool);
typedef int (vfu_reset_cb_t)(vfu_ctx_t *, int);
typedef void (vfu_dma_cb_t)(vfu_ctx_t *, vfu_dma_info_t *);

vfu_ctx_t *vfu_create_ctx(int, const char *, int, void *, int);
int vfu_realize_ctx(vfu_ctx_t *);
int vfu_attach_ctx(vfu_ctx_t *);
int vfu_get_poll_fd(vfu_ctx_t *);
int vfu_run_ctx(vfu_ctx_t *);
void vfu_destroy_ctx(vfu_ctx_t *);
int vfu_setup_log(vfu_ctx_t *, vfu_log_fn_t *, int);
int vfu_setup_region(vfu_ctx_t *, int, size_t, vfu_region_access_cb_t *, int, struct iovec *, uint32_t, int, uint64_t);
int vfu_setup_device_reset_cb(vfu_ctx_t *, vfu_reset_cb_t *);
int vfu_setup_device_nr_irqs(vfu_ctx_t *, int, uint32_t);
int vfu_irq_trigger(vfu_ctx_t *, uint32_t);
int vfu_pci_init(vfu_ctx_t *, int, int, int);
void vfu_pci_set_id(vfu_ctx_t *, uint16_t, uint16_t, uint16_t, uint16_t);
void vfu_pci_set_class(vfu_ctx_t *, uint8_t, uint8_t, uint8_t);
void *vfu_pci_get_config_space(vfu_ctx_t *);
ssize_t vfu_pci_add_capability(vfu_ctx_t *, size_t, int, void *);
"""

TRANSPORT_SOCKET = 0
DEVICE_TYPE_PCI = 0
ATTACH_NON_BLOCKING = 1
PCI_TYPE_EXPRESS = 3
REGION_READ_WRITE = 0x1 | 0x2
REGION_MEMORY = 0x4
"""Without it a BAR takes I/O ports."""
PROT_WRITE = 0x2
DMA_REGIONS = 4096
"""The most ranges of memory that a client may map, unless the library takes fewer."""


class Interrupt(enum.IntEnum):
    """The library's interrupt types."""

    INTX = 0
    MSI = 1
    MSIX = 2
    ERROR = 3
    REQUEST = 4


class Generation(enum.Enum):
    """Which signature `vfu_setup_device_dma` has."""

    A = "int vfu_setup_device_dma(vfu_ctx_t *, vfu_dma_cb_t *, vfu_dma_cb_t *);"
    B = "int vfu_setup_device_dma(vfu_ctx_t *, size_t, vfu_dma_cb_t *, vfu_dma_cb_t *);"

    @classmethod
    def of_header(cls, text: str) -> Generation:
        """The generation that a libvfio-user.h declares. The version does not decide it: both are 0.0.1."""
        return cls.B if "LIBVFIO_USER_MAX_DMA_REGIONS" in text or "VFU_SGL_DIRECT_ACCESS" in text else cls.A

    def dma_regions(self, text: str) -> int:
        """The most ranges that a client may map: generation B takes the number from us, and A has it built in.

        The header of our own build says it. Without our patch generation A takes 16.
        """
        if self is Generation.B:
            return DMA_REGIONS
        found = re.search(r"^#define MAX_DMA_REGIONS (\d+)$", text, re.MULTILINE)
        return int(found[1]) if found else 16
