# From a fresh clone: `make up` runs everything here, `make test` checks everything. See README.md.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help install up down test lint lock chaos model bench

BIN := .venv/bin
INSTALLED := .venv/installed
# Where all tests of whole systems lie: to look for them elsewhere takes as long as some of them.
SYSTEMS := tests/e2e tests/chaos tests/contracts/ingress tests/broker/test_local_up.py
SECONDS ?= 150
SEED ?= 1

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

install: $(INSTALLED) ## everything into .venv, at the locked versions

# Hashes hold for the installer itself, for every package and for what builds ours.
$(INSTALLED): pyproject.toml client/pyproject.toml $(wildcard requirements/*.txt)
	@if ! test -x $(BIN)/pip; then \
	  for python in python3 python3.13 python3.12 python3.11 none; do \
	    if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then break; fi; \
	  done; \
	  test $$python != none || { echo "Python 3.11 to 3.13 is missing: apt-get install python3 python3-venv"; exit 1; }; \
	  $$python -c 'import ensurepip, venv' 2>/dev/null \
	    || { echo "this $$python cannot make environments: apt-get install python3-venv"; exit 1; }; \
	  echo "making .venv with $$($$python --version)"; \
	  $$python -m venv --clear .venv; \
	fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	# Compiled once here: the SDKs alone take seconds to compile, and some environments forbid it at run time.
	$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode --require-hashes -r requirements/dev.txt
	$(BIN)/uv pip install --python $(BIN)/python --quiet --no-deps --build-constraints requirements/build.txt \
	  -e . -e client
	@touch $@

up: install ## start everything here and send a first message over each provider; Ctrl-C ends it
	@exec $(BIN)/helio up

down: ## end what `helio up --detach` started
	@$(BIN)/helio down

# Whole systems run one at a time: each of them fills the machine.
test: lint ## lint, and the whole suite on a real broker
	$(BIN)/pytest -n 2 --dist loadfile -m "not e2e and not chaos" --durations=30
	$(BIN)/pytest -m "(e2e or chaos) and not alone" --durations=30 $(SYSTEMS)
	$(BIN)/pytest -m alone --durations=30 $(SYSTEMS)

lint: install ## format, style, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

chaos: install ## breaks everything on purpose and counts: make chaos SECONDS=600 SEED=7, or KILLS=300
	$(BIN)/python -m tests.chaos --seed $(SEED) $(if $(KILLS),--kills $(KILLS),--seconds $(SECONDS))

model: install ## the long search through the hand-over protocol
	$(BIN)/python -m tests.model --long

bench: install ## throughput, cost and latency of everything: make bench, or OPTIONS=--quick (docs/performance.md)
	$(BIN)/python -m benchmarks $(OPTIONS)

lock: install ## newest allowed versions into requirements/
	printf 'uv\n' | $(BIN)/uv pip compile $(LOCK) -o requirements/uv.txt -
	printf 'setuptools>=80\n' | $(BIN)/uv pip compile $(LOCK) -o requirements/build.txt -
	$(BIN)/uv pip compile $(LOCK) --extra local -o requirements/runtime.txt pyproject.toml
	$(BIN)/uv pip compile $(LOCK) --extra local --extra dev --extra kafka -o requirements/dev.txt \
	  pyproject.toml client/pyproject.toml

# Hashes and no URLs: the lock holds wherever the packages come from.
LOCK := --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
