# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's kernel, unpacked. QEMU enters it at once (PVH); its own loader would unpack it under emulation.

A fifth of the boot's CPU time is that loader's. The layout of the file: Linux, Documentation/arch/x86/boot.rst.
"""

import struct
from pathlib import Path

from nicrig.errors import RigError
from nicrig.provision import cache, host_command
from nicrig.provision.root import Root

KERNEL = "vmlinux"
PROGRAM = "zstd"
_SECTOR = 512
_SETUP_SECTORS, _PAYLOAD_OFFSET, _PAYLOAD_LENGTH = 0x1F1, 0x248, 0x24C
_ZSTD = bytes.fromhex("28b52ffd")
# Behind the compressed kernel the build writes its unpacked size.
_TRAILER = 4


def key(root_key: str) -> str:
    return cache.key(root_key, Path(__file__).read_bytes())


async def make(folder: Path, root: Root) -> None:
    """The recipe: leaves vmlinux in `folder`. Raises RigError for a kernel that is not compressed with zstd."""
    packed = folder / "payload.zst"
    packed.write_bytes(payload(root.kernel))
    await host_command.run(
        [*root.loader(str(root.program(PROGRAM))), "--decompress", "--quiet", str(packed), "-o", str(folder / KERNEL)],
        purpose="unpacking the guest's kernel",
        remedy=f"remove {root.path} and run `nicrig setup`",
    )
    packed.unlink()


def payload(path: Path) -> bytes:
    """The compressed kernel in a bzImage."""
    image = path.read_bytes()
    try:
        offset, length = (struct.unpack_from("<I", image, at)[0] for at in (_PAYLOAD_OFFSET, _PAYLOAD_LENGTH))
        start = (image[_SETUP_SECTORS] + 1) * _SECTOR + offset
    except (struct.error, IndexError):
        raise RigError(f"{path} is not a kernel: it has {len(image)} bytes and no header") from None
    found = image[start : start + length - _TRAILER]
    if not found.startswith(_ZSTD):
        raise RigError(f"{path} is not compressed with zstd, as Debian 13's kernel is: the guest cannot start from it")
    return found
