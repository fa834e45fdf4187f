# Every target works from a fresh clone with only Python >= 3.11, make and the package registries.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
  command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test check bench docs soak format clean

help: ## what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/' | expand -t 16

# Made again only when the list of dependencies changes, so a second run starts at once.
$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(READY) ## one node of three stalls for 3 s: four ways to use the client, side by side
	$(BIN)/aerospike-resilience demo $(ARGS)

test: $(READY) ## the whole suite, against the embedded cluster
	$(BIN)/python -m pytest $(ARGS)

check: $(READY) ## format, lint, types, import directions, docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/build.py --check

bench: $(READY) ## what a call costs, as ratios against a bare call and against the peers
	$(BIN)/python -m benchmarks $(ARGS)

docs: $(READY) ## write build/docs and run every snippet in docs/ and README.md
	$(BIN)/python docs/build.py

soak: $(READY) ## the long runs behind the shares in the docs (50 of 50)
	$(BIN)/python -m pytest -m soak --timeout 1800 $(ARGS)

format: $(READY) ## let ruff format and mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove what the targets made
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
