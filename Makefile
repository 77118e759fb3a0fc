# Each target sets up what it needs; a machine needs python3 >= 3.11 and make, and Node only for the judges.
.DEFAULT_GOAL := help
.ONESHELL:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.SILENT:

PYTHON ?= python3
# One environment for each interpreter; a version that pyenv has, but has not switched on, is found too.
VERSION := $(patsubst python%,%,$(notdir $(PYTHON)))
VENV := $(if $(filter-out 3,$(VERSION)),.venv-$(VERSION),.venv)
RUNS := $(or $(shell $(PYTHON) -c 'print("$(PYTHON)")' 2>/dev/null),$(lastword $(wildcard $(HOME)/.pyenv/versions/$(VERSION).*/bin/python)),$(PYTHON))
BIN := $(VENV)/bin
PY := $(BIN)/python
READY := $(VENV)/.ready
NODE_READY := node_modules/.ready
DOCS_VENV := .venv-docs
DOCS_READY := $(DOCS_VENV)/.ready
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help:  ## list the targets
	sed -nE 's/^([a-z0-9.-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 24

$(READY): requirements/dev.txt pyproject.toml
	$(RUNS) -c 'import sys; sys.exit("python3 >= 3.11 is needed, this is " + sys.version) if sys.version_info < (3, 11) else None'
	test -x $(PY) || $(RUNS) -m venv $(VENV)
	$(PY) -m pip install -qq --require-hashes -r requirements/dev.txt
	$(PY) -m pip install -qq --no-deps --no-build-isolation -e .
	touch $@

$(NODE_READY): package.json package-lock.json
	if command -v node >/dev/null; then npm ci --silent --no-audit --no-fund; else mkdir -p node_modules; fi
	touch $@

$(DOCS_READY): requirements/docs.txt
	test -x $(DOCS_VENV)/bin/python || $(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/python -m pip install -qq --require-hashes -r requirements/docs.txt
	touch $@

setup: $(READY) $(NODE_READY)  ## virtual environment and the Node judges, from the locks

demo: $(READY)  ## the main job on the emulator, over a real socket
	$(PY) -m examples.demo

demo-1.2: $(READY)  ## the main job on the emulator of Sinch's own API, webhooks included
	$(PY) -m examples.demo_v1_2

example: $(READY)  ## the FastAPI service: Redis, two workers and the emulator under a load
	$(PY) -m examples.fastapi_service.run

test: $(READY) $(NODE_READY)  ## [PYTHON=python3.12] the whole test suite
	$(PY) -m pytest -n 3

# uv and not pip: pip refuses a locked version of a package that another one asks for with an extra.
# Its old versions warn, schemathesis is one of another interface there, and pages show other libraries' current ones.
lowest: $(READY) $(NODE_READY) requirements/lowest.txt  ## [PYTHON=python3.12] the whole test suite with the lowest versions that pyproject.toml allows
	test -x $(VENV)-lowest/bin/python || $(RUNS) -m venv $(VENV)-lowest
	uv pip install --quiet --python $(VENV)-lowest/bin/python --require-hashes -r requirements/lowest.txt
	uv pip install --quiet --python $(VENV)-lowest/bin/python --no-deps --no-build-isolation -e .
	PATH="$(CURDIR)/$(VENV)-lowest/bin:$$PATH" $(VENV)-lowest/bin/python -m pytest -n 3 -W default --ignore tests/emulator/test_emulator_schemathesis.py --ignore tests/docs

check: $(READY) $(NODE_READY)  ## what CI runs: format, lint, types, generated code, import rules, tests
	ruff format --check src tools tests examples benchmarks
	ruff check src tools tests examples benchmarks
	mypy
	pyright
	$(PY) -m tools.generate --check
	$(PY) -m tools.surface
	lint-imports
	$(MAKE) --no-print-directory test

generate: $(READY)  ## [SPEC=file OUT=dir PACKAGE=name] low-level packages from the vendored documents, or one from any
	$(PY) -m tools.generate $(if $(SPEC),--spec "$(SPEC)") $(if $(OUT),--out "$(OUT)") $(if $(PACKAGE),--package "$(PACKAGE)")

# Make turns every failure into exit 2; asked as a question (-q) it hands on the 1 that says "breaking".
# Under -q only lines with "+" run, so what the target needs is set up by a make of its own.
ifeq ($(MAKECMDGOALS),spec-diff)
MAKEFLAGS += -q
endif
spec-diff:  ## SPEC=file [BASE=file JSON=1]: what changed, what breaks, which version bump
	+MAKEFLAGS= $(MAKE) --no-print-directory setup
	$(PY) -m tools.spec_diff "$(SPEC)" $(if $(BASE),--base "$(BASE)") $(if $(JSON),--json)

update-spec: $(READY)  ## SPEC=file [API=1.2]: compare, vendor, regenerate, say what the facade does not reach
	$(PY) -m tools.update_spec "$(SPEC)" $(if $(API),--api "$(API)")

emulator: $(READY)  ## [PORT=8080 API=1.2] the emulator on loopback, with its status page
	$(PY) -m sinch_provisioning_emulator --control --port $(or $(PORT),8080) --api $(or $(API),1.0)

docs: $(DOCS_READY)  ## the documentation site into site/, offline; a dead link or a missing name fails
	NO_MKDOCS_2_WARNING=true $(DOCS_VENV)/bin/mkdocs build --quiet --site-dir site
	echo "site/index.html"

bench: requirements/bench.txt  ## [ARGS=--docs] side by side with the peers, in one run
	test -x .venv-bench/bin/python || $(RUNS) -m venv .venv-bench
	.venv-bench/bin/python -m pip install -qq --require-hashes -r requirements/bench.txt
	PYTHONPATH=src:generated .venv-bench/bin/python -m benchmarks $(ARGS)

dist: $(READY) release-tools  ## the sdist and the wheel into dist/, checked
	rm -rf dist
	$(PY) -m hatchling build -d dist
	.venv-release/bin/twine check --strict dist/*
	.venv-release/bin/check-wheel-contents dist/*.whl

release-tools: requirements/release.txt
	test -x .venv-release/bin/python || $(PYTHON) -m venv .venv-release
	.venv-release/bin/python -m pip install -qq --require-hashes -r requirements/release.txt

soak: $(READY)  ## ten minutes of rotating tokens, faults and cancellations
	$(PY) -m tests.faults.soak

mutation: $(READY)  ## which changes to retries, tokens and errors no test notices
	$(PY) -m tests.mutation

lock: $(READY)  ## pin every tool again, with hashes; lowest.txt has the lowest versions of what pyproject.toml names
	compile="uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-header --all-extras"
	$$compile --generate-hashes pyproject.toml requirements/dev.in -o requirements/dev.txt
	floors=$$(mktemp)
	trap 'rm -f "$$floors"' EXIT
	$$compile --no-annotate --no-deps --no-strip-extras --resolution lowest-direct pyproject.toml | sed 's/\[[^]]*\]//' >"$$floors"
	$$compile --generate-hashes pyproject.toml requirements/dev.in -c "$$floors" -o requirements/lowest.txt
	for tools in docs release; do
	  uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header \
	    requirements/$$tools.in -o requirements/$$tools.txt
	done

.PHONY: help setup demo demo-1.2 example test lowest check generate spec-diff update-spec emulator docs bench dist release-tools soak mutation lock
