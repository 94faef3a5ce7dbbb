# Everything a person or CI runs. Each target sets up what it needs; "make" alone lists them.
# All paths are relative, so that the checkout may lie anywhere, in a directory with spaces too.

PYTHON ?= python3
BIN := .venv/bin
RUN := $(BIN)/python -m
SECONDS ?= 60
PATHS := $(wildcard setup.py acurl mite mite_http journeys scenarios tests bench)

export PYTHON
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

.PHONY: help
help: ## print this list
	@echo "usage: make TARGET [PYTHON=python3.12]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: ## run the demo scenario against a server of its own for about ten seconds
	@scripts/environment demo
	@scripts/demo

.PHONY: test
test: environment ## set up everything, then lint, types, fast tests, those in C among them
	@scripts/system-packages test
	@$(MAKE) check

.PHONY: test-slow
test-slow: environment ## the tests that take long
	@scripts/system-packages test
	$(RUN) pytest -m slow

.PHONY: check
check: lint types test-fast ## lint, types and fast tests: before each commit

.PHONY: test-fast
test-fast: environment ## the fast tests alone, those in C included
	$(RUN) pytest -m "not slow" --durations=10 --durations-min=1

.PHONY: lint
lint: environment ## ruff: rules and format
	$(RUN) ruff check $(PATHS)
	$(RUN) ruff format --check $(PATHS)

.PHONY: types
types: environment ## mypy, strict
	$(RUN) mypy $(PATHS)

.PHONY: test-c
test-c: environment ## the engine's C unit tests under ASan and UBSan
	$(RUN) pytest -m "not slow" tests/csrc

.PHONY: fuzz
fuzz: environment ## look for inputs that break the engine, cookies, responses: SECONDS=60 each
	@scripts/system-packages test
	$(RUN) tests.fuzz.campaign $(SECONDS)

.PHONY: torture
torture: environment ## fail each allocation and each system call of the engine and libcurl in turn
	@scripts/system-packages test
	$(RUN) pytest -m "slow or not slow" tests/csrc/torture

.PHONY: sanitize
sanitize: environment ## 10,000 requests under valgrind, and under ASan and UBSan
	@scripts/system-packages test
	$(RUN) pytest -m slow tests/csrc/test_visits.py

.PHONY: coverage
coverage: environment ## the fast tests with a report of lines and branches not covered
	$(RUN) coverage run -m pytest -m "not slow"
	$(RUN) coverage report

.PHONY: bench-client
bench-client: environment ## acurl beside its peers: requests/s, CPU, memory
	@scripts/system-packages bench
	$(RUN) bench.client

.PHONY: bench-memory
bench-memory: environment ## what acurl keeps: per connection, per session, over time, over refusals
	@scripts/system-packages bench
	$(RUN) bench.memory

.PHONY: bench-pools
bench-pools: environment ## pools of connections: acurl beside its peers, and what its own cost
	@scripts/system-packages bench
	$(RUN) bench.pools

.PHONY: build
build: environment ## the environment .venv, with this checkout in it

.PHONY: wheel
wheel: environment ## an abi3 wheel in dist/
	$(RUN) pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@ls -l dist

.PHONY: clean
clean: ## remove all that was built or installed here
	rm -rf .venv build dist bench/build bench/.venv-* .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage *.egg-info
	rm -f acurl/_engine*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: environment
environment:
	@scripts/environment test
