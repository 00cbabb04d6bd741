# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian 13 root file system: guest kernel, headers, compiler, guest programs and, where needed, QEMU.

Nothing boots from it: the guest image, the guest module and QEMU are taken from it.
"""

import os
import pwd
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nicrig.errors import RigError
from nicrig.provision import cache, host_command

MIRROR = "http://deb.debian.org"
SOURCES = (
    f"deb {MIRROR}/debian trixie main",
    f"deb {MIRROR}/debian trixie-backports main",
    f"deb {MIRROR}/debian-security trixie-security main",
)
GUEST_PACKAGES = (
    "linux-image-amd64",
    "linux-headers-amd64",
    "gcc",
    "make",
    "busybox-static",
    "qemu-guest-agent",
    "ethtool",
    "iproute2",
    "kmod",
    "zstd",
)
QEMU_PACKAGES = ("qemu-system-x86", "seabios", "ipxe-qemu")

# trixie's own QEMU is 10.0, one release too old for vfio-user-pci. All of it must come from backports, or apt refuses.
PIN = "Package: qemu* seabios ipxe-qemu\\nPin: release n=trixie-backports\\nPin-Priority: 990\\n"

# Never unpacked: documentation, drivers that no guest here has, and the hook that would build an initramfs of
# Debian's own for each kernel (17 s of 43).
NOT_UNPACKED = (
    "/usr/share/man/*",
    "/usr/share/doc/*",
    "/usr/share/locale/*",
    "/etc/kernel/postinst.d/*",
    "/usr/lib/modules/*/kernel/sound/*",
    "/usr/lib/modules/*/kernel/fs/*",
    "/usr/lib/modules/*/kernel/drivers/gpu/*",
    "/usr/lib/modules/*/kernel/drivers/media/*",
)
NEEDED = "/usr/lib/modules/*/kernel/fs/configfs/*"
"""What netconsole needs of it."""

MODULE_MOUNT = "guest_driver"
"""Where the module's sources are mounted while they are compiled, so that the compiler's messages show our paths."""

_REMEDY = "check that this machine reaches deb.debian.org and that its disk has 2 GB free, then run it again"


@dataclass(frozen=True)
class Root:
    """What others take from the root in folder `path`."""

    path: Path

    @cached_property
    def kernel_version(self) -> str:
        versions = sorted(path.name.removeprefix("vmlinuz-") for path in (self.path / "boot").glob("vmlinuz-*"))
        if len(versions) != 1:
            raise RigError(f"{self.path} has kernels {versions}, not one: remove that folder and run `nicrig setup`")
        return versions[0]

    @property
    def kernel(self) -> Path:
        return self.path / "boot" / f"vmlinuz-{self.kernel_version}"

    @property
    def modules(self) -> Path:
        return self.path / "usr/lib/modules" / self.kernel_version

    @property
    def libraries(self) -> Path:
        return self.path / "usr/lib/x86_64-linux-gnu"

    def program(self, name: str) -> Path:
        """The path, on the host, of a program of the root. Raises RigError when it has none of that name."""
        for folder in ("usr/bin", "usr/sbin"):
            if (self.path / folder / name).is_file():
                return self.path / folder / name
        raise RigError(f"{self.path} has no {name}: remove that folder and run `nicrig setup`")

    def loader(self, *options: str) -> list[str]:
        """The start of an argv that runs a program of the root on the host, without chroot: its own loader and libc."""
        loader = self.path / "usr/lib64/ld-linux-x86-64.so.2"
        return [str(loader), "--library-path", str(self.libraries), *options]


def packages(with_qemu: bool) -> tuple[str, ...]:
    return GUEST_PACKAGES + (QEMU_PACKAGES if with_qemu else ())


def given() -> Path | None:
    """A root that exists already: NICRIG_ROOT. In a container's image it is `/`, because no other can be made there."""
    named = os.environ.get("NICRIG_ROOT")
    return Path(named) if named else None


def host_packages() -> tuple[str, ...]:
    """What the host needs to build it. A plain user also needs newuidmap, for mmdebstrap's user namespace."""
    if given():
        return ()
    return ("mmdebstrap",) if os.geteuid() == 0 else ("mmdebstrap", "uidmap")


def key(with_qemu: bool) -> str:
    """A hash of the recipe without its mode, which does not change the result; for a given root, of its kernel."""
    if (path := given()) is not None:
        return cache.key(str(path), Root(path).kernel_version)
    words = mmdebstrap(Path("root"), with_qemu=with_qemu)
    return cache.key(*(word for word in words if not word.startswith("--mode=")))


def mmdebstrap(target: Path, *, with_qemu: bool) -> list[str]:
    """The command that makes the root: in a folder as root, in a tar file as a plain user."""
    mode = "root" if os.geteuid() == 0 else "unshare"
    return [
        "mmdebstrap",
        f"--mode={mode}",
        "--variant=minbase",
        f"--include={','.join(packages(with_qemu))}",
        '--aptopt=Apt::Install-Recommends "false"',
        "--dpkgopt=force-unsafe-io",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in NOT_UNPACKED),
        f"--dpkgopt=path-include={NEEDED}",
        f"--setup-hook=printf '{PIN}' > \"$1/etc/apt/preferences.d/nicrig\"",
        f'--customize-hook=mkdir "$1/{MODULE_MOUNT}"',
        # The folder itself: another user may share the cache.
        '--customize-hook=chmod 755 "$1"',
        "trixie",
        str(target),
        *SOURCES,
    ]


async def make(folder: Path, *, with_qemu: bool) -> None:
    """The recipe: fills `folder` with the root."""
    if os.geteuid() == 0:
        await _debootstrap(folder, with_qemu)
        return
    _require_subordinate_ids()
    archive = folder / "root.tar"
    await _debootstrap(archive, with_qemu)
    await host_command.run(
        ["tar", "--extract", f"--file={archive}", "--exclude=./dev/*", "--no-same-owner", f"--directory={folder}"],
        purpose="unpacking the guest's root",
        remedy=_REMEDY,
    )
    archive.unlink()


def _require_subordinate_ids(table: Path = Path("/etc/subuid")) -> None:
    """mmdebstrap's user namespace needs a range of user ids. Most systems give one to each user, but not all."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    lines = table.read_text().splitlines() if table.exists() else []
    if not any(line.split(":")[0] in (user, str(os.geteuid())) for line in lines):
        ids = "100000-165535"
        raise RigError(
            f"building the guest's root as a plain user needs a range of ids, and {table} has none for {user}: run "
            f"sudo usermod --add-subuids {ids} --add-subgids {ids} {user}"
        )


async def _debootstrap(target: Path, with_qemu: bool) -> None:
    await host_command.run(mmdebstrap(target, with_qemu=with_qemu), purpose="building the guest's root", remedy=_REMEDY)
