# SPDX-License-Identifier: GPL-2.0-or-later
"""The container engine: this host's, else Debian's, which runs as long as the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nicrig.provision import host
from tests.apart import run_apart
from tests.docker.daemon import daemon

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = ("docker.io", "docker-compose")
OFFICIAL, OWN = "debian:trixie-slim", "nicrig-base"
ANSWER_SECONDS, BUILD_SECONDS = 60, 900


@dataclass(frozen=True)
class Engine:
    """How to reach it: what commands need in their environment, and which of the two composes there is."""

    environment: Mapping[str, str]
    compose: str

    def run(self, command: str, **changed: str) -> subprocess.CompletedProcess[str]:
        """Run a shell command in the checkout. On a host with Compose 1, `docker compose` in it means that."""
        return subprocess.run(
            ["sh", "-c", command.replace("docker compose", self.compose)],
            cwd=CHECKOUT,
            env={**os.environ, **self.environment, **changed},
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )


@contextmanager
def running() -> Iterator[Engine]:
    """An engine that has Debian 13 to build from."""
    run_apart(_install)
    if _succeeds("docker", "version"):
        yield _with_base(Engine({}, _compose()))
    else:
        with daemon() as address:
            # Without a bridge, so that this host's network stays as it is; images are built on the host's own.
            engine = Engine({"DOCKER_HOST": address, "NICRIG_BUILD_NETWORK": "host"}, _compose())
            yield _with_base(engine)
            engine.run("docker system prune --force --volumes")


async def _install() -> None:
    if not _succeeds("docker", "version") and shutil.which("dockerd") is None:
        await host.install(PACKAGES, print)
    if not _compose():
        await host.install(PACKAGES[1:], print)


def _compose() -> str:
    """The command; empty when there is none."""
    if _succeeds("docker", "compose", "version"):
        return "docker compose"
    return shutil.which("docker-compose") or ""


def _succeeds(*argv: str) -> bool:
    if shutil.which(argv[0]) is None:
        return False
    return subprocess.run(argv, capture_output=True, timeout=ANSWER_SECONDS, check=False).returncode == 0


def _with_base(engine: Engine) -> Engine:
    """The official image where a registry is reached, else what docker/base.sh makes."""
    if engine.run(f"docker image inspect {OFFICIAL} || docker pull {OFFICIAL}").returncode == 0:
        return engine
    made = engine.run(f"docker image inspect {OWN} || docker/base.sh")
    assert made.returncode == 0, made.stderr
    return Engine({**engine.environment, "NICRIG_BASE": OWN}, engine.compose)
