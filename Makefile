# scansion: `make` says what there is. Everything happens in a virtual environment of its own, .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt
SCANSION := $(BIN)/scansion
QUICK := experiment=morse/quick
RUN ?= $(shell ls -td runs/morse/*/ 2>/dev/null | head -n 1)

export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup run test long-test cluster-test check format smoke notebooks docs bench bench-morse clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | awk -F'\t' '{printf "make %-12s %s\n", $$1, $$2}'

setup: $(VENV)/.everything  ## install scansion with all extras and the tools of development

run: $(VENV)/.core  ## from nothing to a report: make the Morse corpus, train, evaluate, compare
	$(SCANSION) prepare corpus=morse out=data/morse
	$(SCANSION) train $(QUICK) | tee $(VENV)/.last_run
	$(SCANSION) evaluate "$$(tail -n 1 $(VENV)/.last_run)"
	$(SCANSION) report "$$(tail -n 1 $(VENV)/.last_run)"

test: $(VENV)/.everything  ## all tests, in one process
	$(BIN)/python -m pytest

long-test: $(VENV)/.everything  ## tests of whole processes, pages in a browser, workflows, docs and notebooks: minutes
	.ci/apt-browser
	$(BIN)/python -m pytest --long

cluster-test: $(VENV)/.everything  ## jobs on a real SLURM, which it starts and stops: about ten minutes
	.ci/apt-cluster
	$(BIN)/python -m pytest tests/cluster -rs --durations=15

check: $(VENV)/.everything  ## style, types, layers, in under a minute
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

format: $(VENV)/.everything  ## put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

smoke: $(VENV)/.core  ## two steps of the quick experiment: does it run at all
	$(SCANSION) prepare corpus=morse out=data/morse
	$(SCANSION) train $(QUICK) trainer=smoke name=smoke runs=$(VENV)/smoke

notebooks: $(VENV)/.everything  ## run all notebooks on little data; SCANSION_NOTEBOOKS=whole as they stand
	$(BIN)/python -m pytest tests/test_notebooks.py --basetemp=$(VENV)/notebooks

docs: $(VENV)/.everything  ## the documentation as HTML, warnings are errors
	$(BIN)/sphinx-build -W -q docs docs/_build/html
	@echo docs/_build/html/index.html

bench: $(VENV)/.everything  ## the performance tables of this machine
	$(SCANSION) bench

bench-morse: $(VENV)/.everything  ## the newest Morse run, or RUN=runs/morse/..., beside other decoders: minutes
	.ci/apt-morse
	$(SCANSION) bench morse run="$(RUN)" benchmark.live_files=5 out=runs/bench-morse.json

clean:  ## remove what was built: not runs, not data
	rm -rf $(VENV) docs/_build .mypy_cache .ruff_cache .coverage build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml .ci/constraints.txt | $(VENV)/bin/python
	$(PIP) torch==$$(sed -n 's/^torch==//p' .ci/constraints.txt)
	$(PIP) --editable '.[export]'
	touch $@

$(VENV)/.everything: $(VENV)/.core
	$(PIP) --editable '.[dev]'
	touch $@
