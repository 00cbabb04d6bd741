# SPDX-License-Identifier: GPL-2.0-or-later
"""What is downloaded is what we chose: each package of PyPI by its hash, on a host and in an image."""

from __future__ import annotations

import re

import pytest

from tests.docker.engine import CHECKOUT


@pytest.mark.parametrize("file", ["Makefile", "docker/Dockerfile"])
def test_pip_installs_by_hash_only_or_this_checkout_alone(file: str) -> None:
    installs = re.findall(r"pip install(?: --[a-z-]+)*(?: -r [\w.]+| -e \.)", (CHECKOUT / file).read_text())
    words = [set(install.split()) for install in installs]
    assert len(words) >= 2
    for each in words:
        assert {"--require-hashes", "-r", "requirements.txt"} <= each or {
            "--no-deps",
            "--no-build-isolation",
            "-e",
        } <= each


def test_every_requirement_has_its_hashes() -> None:
    """pip refuses a file with a package that has none; that shows only when it is installed anew."""
    text = re.sub(r"\\\n", " ", (CHECKOUT / "requirements.txt").read_text())
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert len(lines) > 20
    assert [line for line in lines if "==" not in line or "--hash=sha256:" not in line] == []
