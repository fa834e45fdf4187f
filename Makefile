# Every target works from a fresh clone with only Python >= 3.11, make and a package index.
PYTHON ?=
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LOCK := requirements/dev.txt

.DEFAULT_GOAL := help
.PHONY: help demo test flaky check pictures bench docs soak format lock test-newest test-oldest dist clean other-python

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 20

# Made again when the lock or pyproject.toml changes or another PYTHON is asked for, so that a second run
# starts at once.
$(READY): pyproject.toml $(LOCK) $(if $(PYTHON),$(if $(filter $(PYTHON),$(shell cat $(VENV)/.python 2>/dev/null)),,other-python))
	@PYTHON='$(PYTHON)' sh scripts/environment.sh $(VENV) $(LOCK) project

demo: $(READY) ## one node of three stalls for 3 s: four ways to use the client, side by side
	$(BIN)/aerospike-resilience demo $(ARGS)

test: $(READY) ## the whole suite, against the embedded cluster
	$(BIN)/python -m tests.suite $(ARGS)

flaky: $(READY) ## the whole suite 5 times beside two busy processes, 3 times undisturbed: what ever failed
	$(BIN)/python -m tests.flaky $(ARGS)

check: $(READY) ## format, lint, types, import directions; snippets, commands and language of the docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/build.py
	$(BIN)/python docs/prose.py

pictures: $(READY) ## draw the charts of the docs from the figures in docs/figures (ARGS=--measure: measure them anew; --screens: screenshots)
	$(BIN)/python docs/pictures.py $(ARGS)

bench: $(READY) ## what a call costs, as ratios against a bare call and against the peers
	$(BIN)/python -m benchmarks $(ARGS)

.venv-docs/.ready: pyproject.toml requirements/docs.txt
	@PYTHON='$(PYTHON)' sh scripts/environment.sh .venv-docs requirements/docs.txt project

docs: .venv-docs/.ready ## build the site into build/docs; fails on a broken link, anchor or picture
	.venv-docs/bin/python scripts/website.py $(ARGS)

soak: $(READY) ## the long runs behind the shares in the docs (50 of 50)
	$(BIN)/python -m pytest -m soak --timeout 1800 $(ARGS)

format: $(READY) ## let ruff format and mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

dist: $(READY) ## build sdist and wheel, check both, install and try each on every supported Python
	$(BIN)/python scripts/dist.py $(ARGS)

# Locks. One line a file.
UV := .venv-lock/bin/uv
SOLVE := $(UV) pip compile --quiet --python-version 3.11 --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

.venv-lock/.ready: requirements/lock-tool.txt
	@PYTHON='$(PYTHON)' sh scripts/environment.sh .venv-lock $<

lock: .venv-lock/.ready ## renew requirements/*.txt (ARGS=--no-upgrade: only what pyproject.toml asks anew)
	$(SOLVE) --universal --generate-hashes $(or $(ARGS),--upgrade) --extra dev pyproject.toml -o $(LOCK)
	$(SOLVE) --universal --generate-hashes $(or $(ARGS),--upgrade) --extra dev --extra docs pyproject.toml -o requirements/docs.txt
	echo uv | $(SOLVE) --universal --generate-hashes $(or $(ARGS),--upgrade) - -o requirements/lock-tool.txt

test-newest: ## the whole suite with the newest packages that pyproject.toml allows today
	@PYTHON='$(PYTHON)' sh scripts/environment.sh .venv-newest newest
	.venv-newest/bin/python -m tests.suite $(ARGS)

test-oldest: .venv-lock/.ready ## the whole suite with every lower bound of pyproject.toml, on Python 3.11
	@mkdir -p build
	$(SOLVE) --generate-hashes --resolution lowest-direct --upgrade --extra dev pyproject.toml -o build/oldest.txt
	@PYTHON='$(or $(PYTHON),python3.11)' sh scripts/environment.sh .venv-oldest build/oldest.txt project
	.venv-oldest/bin/python -m tests.suite $(ARGS)

clean: ## remove what the targets made
	rm -rf $(VENV) .venv-docs .venv-lock .venv-newest .venv-oldest build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
