# SPDX-License-Identifier: GPL-2.0-or-later
"""nicrig as its users install it: the wheel, without a checkout, in a folder full of names like those of nicrig's own.

The source distribution comes from a copy of the checkout and the wheel from the source distribution, so that each holds
what the next needs, and the checkout is left alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from nicrig.provision.cache import folder

pytestmark = pytest.mark.system

CHECKOUT = Path(__file__).resolve().parents[2]
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".cache", "__pycache__", "*.egg-info", "build", "dist")
PACKAGES = {
    "controller/nicrig": "nicrig",
    "device/nicrig_device": "nicrig_device",
    "device/nicrig_interface": "nicrig_interface",
    "guest_driver": "nicrig_guest_driver",
}
SHADOWS = ("controller", "device", "guest_driver", "tests", "benchmarks")
MORE_SHADOWS = ("nicrig", "nicrig_device", "nicrig_interface", "nicrig_guest_driver", "numpy", "trio", "typer")
SECONDS = 180

CARD_TEST = """
import pytest
from scapy.layers.inet import IP, UDP

from controller.errors import OverheatedError


def test_the_card_echoes_beside_the_project_s_own_controller(sync_nic):
    sync_nic.inject(IP() / UDP(dport=7) / b"hi")
    assert sync_nic.expect(UDP).load == b"hi"
    with pytest.raises(OverheatedError):
        raise OverheatedError
"""


def run(argv: Iterable[str | Path], cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Without what this run of pytest has put into the environment: the user has none of it."""
    own = ("NICRIG_", "PYTHON", "PYTEST_", "VIRTUAL_ENV", "XDG_CACHE_HOME")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return subprocess.run(
        [str(word) for word in argv],
        cwd=cwd,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def succeed(argv: Iterable[str | Path], cwd: Path, **environment: str) -> str:
    done = run(argv, cwd, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def below(top: Path) -> set[str]:
    return {str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout that nothing was built in."""
    copy = tmp_path_factory.mktemp("checkout") / "nicrig"
    shutil.copytree(CHECKOUT, copy, ignore=NOT_COPIED)
    return copy


@pytest.fixture(scope="module")
def checkout_files(checkout: Path) -> set[str]:
    return below(checkout)


@pytest.fixture(scope="module")
def sdist(checkout: Path, checkout_files: set[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("sdist")
    build = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    succeed([sys.executable, "-P", "-c", build, where], cwd=checkout)
    (made,) = where.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    succeed([sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", where, sdist], cwd=where)
    (made,) = where.iterdir()
    return made


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`nicrig` in a fresh venv of the wheel, pytest, and what these two declare to depend on, but nothing else.

    pip installs the wheel. The dependencies are links to the packages of this Python's own site-packages: downloading
    them takes a network and minutes, and a venv with all of site-packages on its path would hide that the wheel does
    not declare one.
    """
    venv = tmp_path_factory.mktemp("venv")
    succeed([sys.executable, "-m", "venv", "--without-pip", venv], cwd=venv)
    install = ["install", "--quiet", "--no-index", "--no-deps", str(wheel)]
    succeed([sys.executable, "-m", "pip", "--python", venv / "bin/python", *install], cwd=venv)
    (packages,) = venv.glob("lib/python*/site-packages")
    (nicrig,) = distributions(path=[str(packages)])
    for dependency in declared([*(nicrig.requires or []), "pytest"]):
        for name in {file.parts[0] for file in dependency.files or []} - {"..", "__pycache__"}:
            (packages / name).symlink_to(str(dependency.locate_file(name)))
    return venv / "bin/nicrig"


def declared(requirements: Iterable[str]) -> Iterable[Distribution]:
    """What these requirements name, and what that requires in turn. Fails when an installed version is too old."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(each) for each in requirements]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if name in found or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        found[name] = distribution(name)
        assert wanted.specifier.contains(found[name].version, prereleases=True), wanted
        waiting += [Requirement(each) for each in found[name].requires or []]
    return found.values()


@pytest.fixture(scope="module")
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's cache folder. Its part for nicrig leads to what is built already."""
    home = tmp_path_factory.mktemp("cache")
    (home / "nicrig").symlink_to(folder())
    return home


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A user's project: packages with the names of our folders, which fail when nicrig imports them."""
    for name in SHADOWS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("" if name == "controller" else f"raise RuntimeError({name!r})")
    (tmp_path / "controller" / "errors.py").write_text("class OverheatedError(Exception): ...")
    return tmp_path


def test_the_source_distribution_is_the_checkout(sdist: Path, checkout_files: set[str]) -> None:
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    made = {name for name in names if name in ("PKG-INFO", "setup.cfg") or name.startswith("nicrig.egg-info/")}
    hidden = {name for name in checkout_files if name.startswith(".") and name != ".dockerignore"}
    assert names - made == checkout_files - hidden


def test_the_wheel_has_every_file_of_the_packages_and_no_generic_name(wheel: Path, checkout_files: set[str]) -> None:
    wanted = {
        name.replace(top, package, 1)
        for top, package in PACKAGES.items()
        for name in checkout_files
        if name.startswith(f"{top}/")
    }
    names = set(zipfile.ZipFile(wheel).namelist())
    metadata = {name for name in names if name.partition("/")[0].endswith(".dist-info")}
    assert names - metadata == wanted


def test_doctor_finds_everything_in_the_users_cache(program: Path, project: Path, cache_home: Path) -> None:
    """Each part's key covers its sources: one file that the wheel lacked, and the part would not be built."""
    for name in MORE_SHADOWS:
        (project / f"{name}.py").write_text(f"raise RuntimeError({name!r})")
    shown = succeed([program, "doctor"], project, XDG_CACHE_HOME=str(cache_home))
    assert f"all built, in {cache_home}/nicrig" in shown


def test_the_demo_runs(program: Path, project: Path, cache_home: Path) -> None:
    for name in MORE_SHADOWS:
        (project / f"{name}.py").write_text(f"raise RuntimeError({name!r})")
    shown = succeed([program, "demo", "--frames", "100"], project, XDG_CACHE_HOME=str(cache_home))
    assert shown.splitlines()[-1].startswith("verdict: coherent")


def test_a_pytest_project_with_a_controller_of_its_own_uses_the_card(
    program: Path, project: Path, cache_home: Path
) -> None:
    (project / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    (project / "test_card.py").write_text(CARD_TEST)
    pytest_on_it = ["-m", "pytest", "-q", "test_card.py"]
    shown = succeed([program.with_name("python"), *pytest_on_it], project, XDG_CACHE_HOME=str(cache_home))
    assert "1 passed" in shown


def test_the_windows_driver_is_built_from_the_wheel(program: Path, project: Path, cache_home: Path) -> None:
    shown = succeed([program, "windows"], project, XDG_CACHE_HOME=str(cache_home)).splitlines()
    assert shown == [f"{cache_home}/nicrig/windows/{machine}/nicrig.sys" for machine in ("x86", "x64")]


@pytest.mark.parametrize("verb", ["bench", "tools"])
def test_what_needs_a_checkout_says_so_in_one_line(program: Path, project: Path, verb: str) -> None:
    done = run([program, verb], project)
    assert done.returncode == 2
    assert done.stderr == (
        f"nicrig: nicrig {verb} needs a checkout of nicrig, and this nicrig was installed without one\n"
    )


@pytest.mark.parametrize("package", ["nicrig", "nicrig_device"])
def test_nothing_is_generated_into_an_installed_package(program: Path, project: Path, package: str) -> None:
    done = run([program.with_name("python"), "-P", "-m", f"{package}.generate"], project)
    assert done.returncode == 2
    assert "needs a checkout" in done.stderr
    assert done.stderr.count("\n") == 1
