# One command for each thing. `make help` lists them.

PYTHON ?= python3
VENV ?= .venv
N ?= 1,8
# The address of a package index that holds the build of torch you want (for CPU, or for your CUDA version).
TORCH_INDEX ?=

RUN := $(VENV)/bin/python
STAMP := $(VENV)/.set-up
PIP := $(RUN) -m pip --disable-pip-version-check
PEERS := var/bench/peers/venv
PEERS_STAMP := $(PEERS)/.set-up
PEERS_PIP := $(PEERS)/bin/python -m pip --disable-pip-version-check
WHISPER := var/bench/files/venv
WHISPER_STAMP := $(WHISPER)/.set-up

.DEFAULT_GOAL := help
.PHONY: help setup demo up test check bench bench-peers bench-files bench-train lock clean

help:  ## This list
	@echo "Minutebook: live meetings in, minutes out. Each command sets everything up first if need be."
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  TORCH_INDEX=ADDRESS with any of them takes torch from that package index, such as the CPU or CUDA index that"
	@echo "  the selector on pytorch.org names. Without it pip takes its usual one, which on Linux may bring 3 GB of CUDA."

setup: $(STAMP)  ## Make .venv and install everything at the versions of requirements/cpu.lock

$(STAMP): requirements/cpu.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: $(PYTHON) is not Python 3.11 or newer; name one that is, as in: make setup PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || test -x $(RUN) || \
	  { echo "make: $(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@test -x $(RUN) || { echo "making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing $$(grep -c == requirements/cpu.lock) packages; the first time takes some minutes"
	@$(PIP) install --quiet $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) --requirement requirements/cpu.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP)  ## Stream the sample meeting in real time and show its transcript and minutes
	@$(RUN) -m deploy.demo

up: $(STAMP)  ## Start everything on this machine until Ctrl-C
	@$(RUN) -m deploy.up

test: $(STAMP)  ## Run every test
	@$(RUN) -m tests

check: $(STAMP)  ## Lint, format and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

bench: $(STAMP)  ## Measure N=1,8 live meetings at once
	@N=$(N) $(RUN) -m bench.live

bench-peers: N := 1,2
bench-peers: $(STAMP) $(PEERS_STAMP)  ## Measure N=1,2 live streams, ours and other live servers in turn
	@$(RUN) -m bench.peers --n $(N)

$(PEERS_STAMP): requirements/peers.lock
	@test -x $(PEERS)/bin/python || { echo "making $(PEERS)"; $(PYTHON) -m venv $(PEERS); }
	@echo "installing the other live servers; the first time takes some minutes"
	@$(PEERS_PIP) install --quiet $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) --requirement requirements/peers.lock
	@$(PEERS_PIP) install --quiet --no-deps whisper-live==0.10.0
	@touch $@

bench-files: $(STAMP) $(WHISPER_STAMP)  ## Measure a file of 20 minutes, beside faster-whisper and beside live meetings
	@$(RUN) -m bench.files

$(WHISPER_STAMP): requirements/faster-whisper.lock
	@echo "installing faster-whisper into $(WHISPER)"
	@test -x $(WHISPER)/bin/python || $(PYTHON) -m venv $(WHISPER)
	@$(WHISPER)/bin/python -m pip --disable-pip-version-check install --quiet --requirement $<
	@touch $@

bench-train: $(STAMP)  ## Measure training, beside a plain script of transformers and peft
	@$(RUN) -m bench.train

lock: $(STAMP)  ## Choose the newest versions that fit pyproject.toml
	@$(RUN) -m deploy.lockfile

clean:  ## Remove .venv and caches; meetings and models in var/ stay
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
