# SPDX-License-Identifier: GPL-2.0-or-later
# One word per job. `make` alone lists them.

PYTHON ?= python3
CACHE := $(or $(NICRIG_CACHE),$(CURDIR)/.cache)
BIN := .venv/bin
export NICRIG_CACHE := $(CACHE)
# Bytecode is kept, apart from the tree: without it each of the tests' many processes compiles all sources again.
export PYTHONPYCACHEPREFIX := $(CACHE)/pycache
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo windows tools built test checked test-unit fuzz soak lint bench generate clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/installed: requirements.txt pyproject.toml setup.py controller/nicrig/__init__.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "nicrig needs Python 3.11 or later: make PYTHON=python3.11 setup" >&2; exit 125; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { [ "$$(id -u)" = 0 ] && apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends python3-venv >/dev/null; } || { echo "Python's venv is missing: apt-get install python3-venv" >&2; exit 125; }
	$(PYTHON) -m venv .venv
	@echo "$(BIN)/pip install --require-hashes -r requirements.txt"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.txt || { echo "pip could not install requirements.txt: check that this machine reaches the package index, then run it again" >&2; exit 125; }
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: .venv/installed ## build everything that a rig needs, once; installs .venv/bin/nicrig
	@$(BIN)/nicrig setup

demo: setup ## a thousand frames through card, driver and guest, and the verdict
	@$(BIN)/nicrig demo

windows: .venv/installed ## the same miniport as a Windows driver, for x86 and x64
	@$(BIN)/nicrig windows

tools: .venv/installed ## programs that only the tests need, such as tshark
	@$(BIN)/nicrig tools

lint: .venv/installed ## style, types, imports, spelling, and that generated files are fresh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --cache-dir .cache/import-linter
	$(BIN)/python -m nicrig_device.generate --check
	$(BIN)/python -m nicrig.generate --check
	$(BIN)/codespell
	$(BIN)/pytest -q tests/test_prose.py
	$(BIN)/towncrier build --draft --version next >/dev/null
	grep -rlIE '^#!.*sh$$' .ci docker controller | xargs $(BIN)/shellcheck

# A worker for each core. Tests that share a machine or a module's fixtures stay in one worker (tests/conftest.py).
PYTEST := $(BIN)/pytest -n auto --dist loadgroup
NO_GUEST := --ignore=tests/system
# Lint reads the prose.
UNITS := $(NO_GUEST) --ignore=tests/test_prose.py -m "not (system or real or contract or hypothesis or soak)"

# The quick runs come first. Tests that boot QEMU are apart: a worker that holds machines has a loop running, in which a
# test cannot run a command. They have a third worker, because guests and downloads also wait; and they keep their order,
# because the containers, whose images take longest, come first.
test: .venv/installed ## every test; boots QEMU
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=line built checked
	$(PYTEST) $(NO_GUEST) -m "(real or contract or hypothesis) and not system and not soak"
	@$(MAKE) --no-print-directory fuzz
	$(PYTEST) -n 3 --no-loadscope-reorder -m "system and not soak" --durations=20

# What needs nothing built is tested while the rest is built: that waits for downloads, and for one core.
built: setup
	@$(BIN)/nicrig windows
	@$(BIN)/nicrig tools

checked: lint
	$(PYTEST) $(UNITS)

test-unit: .venv/installed ## the tests of single parts, which need nothing built
	$(PYTEST) $(UNITS)

# Half of the fuzzers' examples are new here; the other half, in the run before it, is the same each time. A failure
# prints the command that repeats it.
FUZZERS := hypothesis and not system
SEED := $(or $(SEED),$(shell od -An -N4 -tu4 /dev/urandom | tr -d ' '))
fuzz: .venv/installed ## the fuzzers with new examples, half a minute; SEED= repeats those of an earlier run
	$(PYTEST) $(NO_GUEST) -m "$(FUZZERS)" --hypothesis-profile=new --hypothesis-seed=$(SEED)

SECONDS := 600
soak: setup ## rigs under random blows, and fuzzers, for SECONDS=600 (SEED= repeats); then the tests of marker soak
	$(BIN)/python -m tests.soak --seconds $(SECONDS) --seed $(SEED)
	$(PYTEST) -m soak --durations=20
	$(PYTEST) -m "$(FUZZERS)" --hypothesis-profile=soak --hypothesis-seed=$(SEED)

bench: setup ## speed, as a table and as JSON in the cache folder; PARTS=recorder measures that part alone
	$(BIN)/python -m benchmarks $(PARTS)

generate: .venv/installed ## the C headers and the datasheet's tables from the declarations
	$(BIN)/python -m nicrig_device.generate
	$(BIN)/python -m nicrig.generate
	$(BIN)/python -m tests.guest_driver.driver_bugs --page

clean: ## remove what was built
	rm -rf .venv $(CACHE) build *.egg-info
