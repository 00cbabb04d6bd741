# SPDX-License-Identifier: GPL-2.0-or-later
"""The settings of a run. Each is an option, an ini key and an environment variable, declared once."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import get_args

import pytest

from nicrig.verifier.severity import FAIL_ON, FAIL_ON_HELP, Severity
from nicrig_interface.vocabulary import CardKind


@dataclass(frozen=True)
class Setting:
    """`--nicrig-NAME`, a variable, `nicrig_NAME` in the ini file; the first one that is set counts.

    The variable is NICRIG_NAME where the verbs of `nicrig` share it, else NICRIG_PYTEST_NAME."""

    name: str
    help: str
    default: str = ""
    choices: tuple[str, ...] = ()
    number: bool = False
    shared: bool = False

    @property
    def variable(self) -> str:
        return f"NICRIG_{'' if self.shared else 'PYTEST_'}{self.name.upper()}"

    @property
    def key(self) -> str:
        return f"nicrig_{self.name}"

    @property
    def option(self) -> str:
        return f"--{self.key.replace('_', '-')}"

    def check(self, value: str, where: str) -> str:
        """The value. Raises UsageError when it is wrong."""
        if self.choices and value not in self.choices:
            raise pytest.UsageError(f"{where}: {value!r} is not one of {', '.join(self.choices)}")
        if self.number and not value.isdecimal():
            raise pytest.UsageError(f"{where}: {value!r} is not a number")
        return value


SETTINGS = (
    Setting("kind", "How the card moves frames.", "bus-master", get_args(CardKind), shared=True),
    Setting("accelerator", "auto uses KVM where it works, else TCG.", "auto", ("auto", "kvm", "tcg"), shared=True),
    Setting("fail_on", FAIL_ON_HELP, FAIL_ON.value, tuple(each.value for each in Severity), shared=True),
    Setting("seed", "Seed of nic.random. Without one, each run draws its own.", number=True),
    Setting("keep", "Folder for the tests' files, with a folder for each test. Default: pytest's own."),
    Setting("rig", "Use this running rig, by its name or folder, and leave it running.", shared=True),
    Setting("machines", "How many virtual machines may run at a time.", "2", number=True),
)


SEED_OF_ALL = "nicrig_seed"
"""The key under which a worker of pytest-xdist gets the seed."""


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("nicrig", "a network card, its guest and its driver")
    for each in SETTINGS:
        told = f"{each.help} [${each.variable}" + (f"; {each.default}]" if each.default else "]")
        group.addoption(each.option, dest=each.key, metavar="|".join(each.choices) or each.name.upper(), help=told)
        parser.addini(each.key, each.help, default="")


@dataclass(frozen=True)
class Settings:
    """The settings of a run."""

    kind: str
    accelerator: str
    fail_on: Severity
    seed: int
    keep: str
    rig: str
    machines: int


def settings(config: pytest.Config) -> Settings:
    """The settings of this run. Raises UsageError for a wrong one."""
    found = {each.name: _value(config, each) for each in SETTINGS}
    drawn = getattr(config, "workerinput", {}).get(SEED_OF_ALL) or random.SystemRandom().randrange(1 << 32)
    seed = int(found["seed"] or drawn)
    text = {name: found[name] for name in ("kind", "accelerator", "keep", "rig")}
    machines = max(1, int(found["machines"]))
    return Settings(fail_on=Severity(found["fail_on"]), seed=seed, machines=machines, **text)


def _value(config: pytest.Config, setting: Setting) -> str:
    places = {
        setting.option: config.getoption(setting.key),
        setting.variable: os.environ.get(setting.variable),
        f"{config.inipath}: {setting.key}": config.getini(setting.key),
    }
    for where, value in places.items():
        if value:
            return setting.check(value, where)
    return setting.default
