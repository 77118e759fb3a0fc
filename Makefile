# Each target sets up what it needs; a machine needs python3 >= 3.11 and make, and Node only for the judges.
.DEFAULT_GOAL := help
.ONESHELL:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.SILENT:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
READY := $(VENV)/.ready
NODE_READY := node_modules/.ready
DOCS_VENV := .venv-docs
DOCS_READY := $(DOCS_VENV)/.ready
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help:  ## list the targets
	sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 24

$(READY): requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("python3 >= 3.11 is needed, this is " + sys.version) if sys.version_info < (3, 11) else None'
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
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

example: $(READY)  ## the FastAPI service: Redis, two workers and the emulator under a load
	$(PY) -m examples.fastapi_service.run

test: $(READY) $(NODE_READY)  ## the whole test suite
	$(PY) -m pytest -n 2

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

emulator: $(READY)  ## [PORT=8080] the emulator on loopback, with its status page
	$(PY) -m sinch_provisioning_emulator --control --port $(or $(PORT),8080)

docs: $(DOCS_READY)  ## the documentation site into site/, offline; a dead link or a missing name fails
	NO_MKDOCS_2_WARNING=true $(DOCS_VENV)/bin/mkdocs build --quiet --site-dir site
	echo "site/index.html"

bench: requirements/bench.txt  ## [ARGS=--docs] side by side with the peers, in one run
	test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
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

lock: $(READY)  ## pin every tool again, with hashes
	uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header \
	  --all-extras pyproject.toml requirements/dev.in -o requirements/dev.txt
	uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header \
	  requirements/docs.in -o requirements/docs.txt
	uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header \
	  requirements/release.in -o requirements/release.txt

.PHONY: help setup demo example test check generate spec-diff update-spec emulator docs bench dist release-tools soak mutation lock
