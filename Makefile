SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
IN_PATH := $(shell command -v python3.11 || command -v python3)
DEBIAN := /usr/bin/python3.11
# Debian's first, if it makes a venv or root can install that: it is built optimised and runs us 1.6 times as fast as pyenv's usual build.
PYTHON ?= $(shell if $(DEBIAN) -c 'import ensurepip, venv' || ((EUID == 0)) && test -x $(DEBIAN); then echo $(DEBIAN); else echo $(IN_PATH); fi 2>/dev/null)
PORT ?= 8000
DATA ?= data
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
PYTEST := $(BIN)/pytest -n 2 --durations=25

.PHONY: help run test test-quick check fix bench faults requirements docs
help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
run: .venv/compiled.stamp ## Start on http://localhost:8000 with its data in data/ (PORT=… and DATA=… override)
	@AUTHSERVER_DATA_DIR="$(DATA)" AUTHSERVER_BIND="127.0.0.1:$(PORT)" exec $(BIN)/authserver serve
test: .venv/dev.stamp ## Run every test, on all databases, with real peers and a browser; installs what it lacks
	@tests/install.sh
	@$(PYTEST) tests examples
test-quick: .venv/dev.stamp ## Run the tests that need only Python and SQLite
	@$(PYTEST) tests/unit tests/flow tests/store
check: .venv/dev.stamp ## Lint, format, types, layers, one head of the migrations
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -c 'import sys; from alembic.script import ScriptDirectory as S; heads = S("migrations").get_heads(); sys.exit(len(heads) != 1 and f"not one head but {heads}")'
fix: .venv/dev.stamp ## Format, and repair what the linter can
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .
bench: .venv/dev.stamp .venv/compiled.stamp ## Measure beside another provider
	@tests/install.sh
	@$(BIN)/python -m bench
faults: .venv/dev.stamp ## Take databases and nodes away under load, and write what was lost to docs/proof/
	@tests/install.sh
	@$(BIN)/python -m tests.faults
requirements: ## List the requirements in force that no test names
	@$(PYTHON) tests/requirements.py
docs: .venv/dev.stamp ## Write the generated reference pages
	@$(BIN)/python docs/generate.py

.venv/run.stamp: requirements.lock pyproject.toml | .venv/bin/pip
	@$(BIN)/pip install -q --require-hashes -r requirements.lock && $(BIN)/pip install -q --no-deps -e . && touch $@
# Else each start would compile anew wherever PYTHONDONTWRITEBYTECODE is set.
.venv/compiled.stamp: .venv/run.stamp $(shell find authserver -name '*.py')
	@$(BIN)/python -m compileall -q authserver && touch $@
.venv/dev.stamp: requirements-dev.lock .venv/run.stamp
	@$(BIN)/pip install -q --require-hashes -r requirements-dev.lock && touch $@
.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "authserver needs Python 3.11 or newer; PYTHON=… names one")'
	@if $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { ((EUID == 0)) && apt-get -qq update && apt-get -qq install -y python3-venv; }; then \
	  $(PYTHON) -m venv .venv; \
	elif [[ '$(origin PYTHON)' == file && '$(PYTHON)' != '$(IN_PATH)' ]]; then $(MAKE) $@ PYTHON=$(IN_PATH); \
	else echo "Python's venv module is missing → sudo apt-get install python3-venv"; exit 1; fi
