# SPDX-License-Identifier: GPL-2.0-or-later
"""libvfio-user: the system's, else built from the copy inside Debian's source package of QEMU.

Debian has no package of it. The source package is fetched with a private apt configuration (own sources, lists and
download folders), so that the host's own apt stays as it is.
"""

from pathlib import Path

from nicrig.errors import RigError
from nicrig.provision import cache, host_command
from nicrig.provision.host import tool

LIBRARY = "libvfio-user.so"
HEADER = "libvfio-user.h"
HOST_PACKAGES = ("gcc", "libc6-dev", "libjson-c-dev", "libcmocka-dev", "patch", "pkg-config", "xz-utils")

# bookworm's QEMU 7.2 and its point releases carry the same tree: libvfio-user as of 2022-06.
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SOURCES = f"deb-src [signed-by={KEYRING}] http://deb.debian.org/debian bookworm main\n"
TREE_SHA256 = "b503f3cada1cf62fa74df66868f2819e836d937d270d15fbfcc739587aa30742"
PATCH = Path(__file__).with_name("libvfio-user.patch")
"""What we change, and why."""
SUBPROJECT = "*/subprojects/libvfio-user/*"
MESON_OPTIONS = ("--buildtype=release", "-Ddebug-logs=disabled")
BUILT = "lib/libvfio-user.so.0.0.1"

_HEADERS = tuple(Path(top) / "vfio-user" / HEADER for top in ("/usr/local/include", "/usr/include"))
_FOLDERS = tuple(Path(name) for name in ("/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"))


def on_system() -> tuple[Path, Path] | None:
    """The library and header of the system, when both are there."""
    headers = [path for path in _HEADERS if path.is_file()]
    libraries = [path / name for path in _FOLDERS for name in (LIBRARY, f"{LIBRARY}.0") if (path / name).is_file()]
    return (libraries[0], headers[0]) if libraries and headers else None


def key() -> str:
    found = on_system()
    if found:
        return cache.key("system", *(f"{path} {path.stat().st_mtime_ns}" for path in found))
    return cache.key(SOURCES, TREE_SHA256, PATCH.read_bytes(), *MESON_OPTIONS)


def host_packages() -> tuple[str, ...]:
    """What the host needs to build it."""
    return () if on_system() else HOST_PACKAGES


async def make(folder: Path) -> None:
    """The recipe: leaves libvfio-user.so and, beside it, libvfio-user.h in `folder`."""
    found = on_system()
    if found:
        for name, path in zip((LIBRARY, HEADER), found, strict=True):
            (folder / name).symlink_to(path)
        return
    tree = await fetch(folder / "source")
    await build(tree, folder)
    cache.remove_tree(folder / "source")


async def fetch(work: Path) -> Path:
    """The source tree of libvfio-user below `work`. Raises RigError when its sum is not TREE_SHA256."""
    configuration = private_apt(work)
    remedy = "check that this machine reaches deb.debian.org, then run it again"
    for argv in (["apt-get", "-q", "update"], ["apt-get", "-q", "source", "--download-only", "qemu"]):
        await host_command.run(
            argv,
            purpose="fetching QEMU's source package",
            remedy=remedy,
            cwd=work,
            env={"APT_CONFIG": str(configuration)},
        )
    archive = _only(work, "qemu_*.orig.tar.xz")
    await host_command.run(
        ["tar", "--extract", "--no-same-owner", "--strip-components=3", "--wildcards", f"--file={archive}", SUBPROJECT],
        purpose="unpacking libvfio-user",
        remedy="check that the disk has room, then run it again",
        cwd=_made(work / "libvfio-user"),
    )
    got = cache.tree_sha256(work / "libvfio-user")
    if got != TREE_SHA256:
        raise RigError(
            f"libvfio-user in {archive.name} has sha256 {got}, not {TREE_SHA256}: "
            "Debian changed it; read the change, then put the new sum into controller/nicrig/provision/libvfio_user.py"
        )
    return work / "libvfio-user"


async def build(tree: Path, folder: Path) -> None:
    """Patch `tree`, and compile it with meson and ninja; the library and its header go to `folder`."""
    output = tree / "b"
    remedy = f"the host needs {' '.join(HOST_PACKAGES)}"
    for argv in (
        ["patch", "--strip=1", "--fuzz=0", f"--input={PATCH}"],
        [tool("meson"), "setup", str(output), *MESON_OPTIONS],
        [tool("ninja"), "-C", str(output), BUILT],
    ):
        # meson looks for ninja by name, which is only on PATH when the venv is activated.
        await host_command.run(
            argv, purpose="building libvfio-user", remedy=remedy, cwd=tree, env={"NINJA": tool("ninja")}
        )
    (output / BUILT).rename(folder / LIBRARY)
    (tree / "include" / HEADER).rename(folder / HEADER)


def private_apt(work: Path) -> Path:
    """An apt configuration whose sources and folders are all below `work`; the host's proxy settings still hold."""
    for name in ("lists/partial", "archives/partial"):
        (work / name).mkdir(parents=True)
    (work / "sources.list").write_text(SOURCES)
    configuration = work / "apt.conf"
    configuration.write_text(
        f'Dir::Etc::sourcelist "{work}/sources.list";\n'
        'Dir::Etc::sourceparts "-";\n'
        f'Dir::State::lists "{work}/lists";\n'
        f'Dir::Cache "{work}";\n'
        # Or `update` succeeds without network, and `source` then misses the deb-src line.
        'APT::Update::Error-Mode "any";\n'
        # apt's own sandbox user may not write below our folder.
        'APT::Sandbox::User "root";\n'
    )
    return configuration


def _only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
