# SPDX-License-Identifier: GPL-2.0-or-later
"""What `nicrig setup` builds, once: libvfio-user, a root with QEMU and the guest's kernel, the module, the image."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import trio

from nicrig.provision import host, image, kernel, libvfio_user, module, root
from nicrig.provision.cache import Cache, Progress, folder

__all__ = ["Provision", "missing", "provide", "provide_library", "provided"]


@dataclass(frozen=True)
class Provision:
    """Everything that a rig is started from; the paths are the host's."""

    libvfio_user: Path
    """libvfio-user.so, its header libvfio-user.h beside it."""
    root: root.Root
    host_qemu: Path | None
    """The host's QEMU when it is good enough; else the root's is used."""
    kernel: Path
    module: Path
    """The guest modules, and their build."""
    image: Path
    """The guest's initramfs."""

    def kept(self) -> "Provision":
        """The same for a machine that is kept: its guest may sleep, which costs a second of each boot.

        When a guest wakes, QEMU loads an unpacked kernel again, over the one that runs.
        """
        return replace(self, kernel=self.root.kernel)


async def provide(report: Progress) -> Provision:
    """Build what is missing or out of date, reuse the rest, and say where it all is.

    `report` gets one line for each step. Raises RigError, which says what failed and what to do.
    """
    builder = _Builder(Cache(folder(), report), host.good_qemu())
    await builder.install_host_packages()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(builder.build_library)
        nursery.start_soon(builder.build_guest)
    return builder.result()


async def provide_library(report: Progress) -> Path:
    """As `provide`, for libvfio-user alone, which is all that a card needs."""
    builder = _Builder(Cache(folder(), report), host_qemu=None)
    await host.install(builder.library_packages(), report)
    await builder.build_library()
    return builder.library / libvfio_user.LIBRARY


def missing() -> list[str]:
    """The parts that `provide` would build."""
    builder = _Builder(Cache(folder(), lambda _: None), host.good_qemu())
    return [name for name, part_key in builder.keys().items() if not builder.cache.has(name, part_key)]


def provided() -> Provision:
    """What `provide` returns when nothing is missing."""
    builder = _Builder(Cache(folder(), lambda _: None), host.good_qemu())
    parts = {name: builder.cache.whole(name, part_key) for name, part_key in builder.keys().items()}
    builder.library, builder.root = parts["libvfio-user"], root.Root(parts["root"])
    builder.kernel, builder.module, builder.image = parts["kernel"], parts["module"], parts["image"]
    return builder.result()


class _Builder:
    """Builds in order: the library on its own; from the root the kernel, the module, and with that the image."""

    def __init__(self, cache: Cache, host_qemu: Path | None) -> None:
        self.cache = cache
        self.host_qemu = host_qemu
        self.library_key = libvfio_user.key()
        self.root_key = root.key(with_qemu=host_qemu is None)
        self.module_key = module.key(self.root_key)

    def keys(self) -> dict[str, str]:
        """Every part's name and key."""
        return {
            "libvfio-user": self.library_key,
            "root": self.root_key,
            "kernel": kernel.key(self.root_key),
            "module": self.module_key,
            "image": image.key(self.root_key, self.module_key),
        }

    async def install_host_packages(self) -> None:
        """Install them at once, before anything else: two apt-get at the same time lock each other out."""
        needed = self.library_packages()
        if not self.cache.has("root", self.root_key):
            needed += root.host_packages()
        await host.install(needed, self.cache.report)

    def library_packages(self) -> list[str]:
        """The host packages that building the library needs; none when it is built."""
        return [] if self.cache.has("libvfio-user", self.library_key) else [*libvfio_user.host_packages()]

    async def build_library(self) -> None:
        self.library = await self.cache.part("libvfio-user", self.library_key, libvfio_user.make)

    async def build_guest(self) -> None:
        recipe = partial(root.make, with_qemu=self.host_qemu is None)
        self.root = root.Root(root.given() or await self.cache.part("root", self.root_key, recipe))
        self.kernel = await self.cache.part("kernel", self.keys()["kernel"], partial(kernel.make, root=self.root))
        recipe = partial(module.make, root=self.root, report=self.cache.report)
        self.module = await self.cache.part("module", self.module_key, recipe)
        modules = [self.module / name for name in (module.MODULE, module.SELFTEST)]
        recipe = partial(image.make, root=self.root, modules=modules)
        self.image = await self.cache.part("image", self.keys()["image"], recipe)

    def result(self) -> Provision:
        return Provision(
            libvfio_user=self.library / libvfio_user.LIBRARY,
            root=self.root,
            host_qemu=self.host_qemu,
            kernel=self.kernel / kernel.KERNEL,
            module=self.module,
            image=self.image / image.IMAGE,
        )
