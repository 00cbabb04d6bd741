# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages of the distribution.

pyproject.toml cannot list them: it finds a package by its folder's name, and guest_driver/ is `nicrig_guest_driver`.
"""

from setuptools import find_packages, setup

setup(packages=[*find_packages("controller"), *find_packages("device"), "nicrig_guest_driver"])
