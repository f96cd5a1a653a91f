# One command for each thing. `make help` lists them.

PYTHON ?= python3
VENV ?= .venv
N ?= 1,8
KILLS ?= 20
DATABASE ?= sqlite,postgresql
SEED ?= 1
# Kinds of fault, such as transcribe,api. Without it, all of them.
KINDS ?=
# Address of a package index with the torch build you want (for CPU, or for your CUDA version).
TORCH_INDEX ?=

RUN := $(VENV)/bin/python
STAMP := $(VENV)/.set-up
PIP := $(RUN) -m pip --disable-pip-version-check
PEERS := var/bench/peers/venv
PEERS_STAMP := $(PEERS)/.set-up
PEERS_PIP := $(PEERS)/bin/python -m pip --disable-pip-version-check
WHISPER := var/bench/files/venv
WHISPER_STAMP := $(WHISPER)/.set-up
PAGE := api/web
PAGE_STAMP := $(PAGE)/node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help setup demo up page test faults check bench bench-omissions bench-peers bench-files bench-minutes bench-speakers bench-train lock clean

help:  ## Show this list
	@echo "Minutebook: live meetings in, minutes out. Each command first sets up what it needs."
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  Add TORCH_INDEX=ADDRESS to take torch from that package index. The selector on pytorch.org names the index"
	@echo "  for CPU or CUDA. Without it pip uses its default index, which on Linux may bring 3 GB of CUDA libraries."

setup: $(STAMP)  ## Create .venv and install the versions in requirements/cpu.lock

$(STAMP): requirements/cpu.lock requirements/torch.lock requirements/speakers.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: $(PYTHON) is not Python 3.11 or newer; name one that is, for example: make setup PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || test -x $(RUN) || \
	  { echo "make: $(PYTHON) cannot create virtual environments; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@test -x $(RUN) || { echo "creating $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing $$(grep -c == requirements/cpu.lock) packages; the first time takes some minutes"
	@$(PIP) install --quiet --no-deps --require-hashes --requirement requirements/cpu.lock
	@$(PIP) install --quiet $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) --requirement requirements/torch.lock
	@$(PIP) install --quiet --no-deps --require-hashes --requirement requirements/speakers.lock || \
	  echo "make: there are no voice models for this Python or processor, so speakers on one track are not told apart"
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP)  ## Stream the sample meeting in real time and show its transcript and minutes
	@$(RUN) -m deploy.demo

up: $(STAMP)  ## Run everything on this machine until Ctrl-C
	@$(RUN) -m deploy.up

page: $(STAMP) $(PAGE_STAMP)  ## Build the page from its sources; needs Node 18 or newer and npm
	@mkdir -p $(PAGE)/var
	@$(RUN) -m api.web.document > $(PAGE)/var/openapi.json
	@cd $(PAGE) && npm run --silent types && npm run --silent build
	@ls -l $(PAGE)/built

$(PAGE_STAMP): $(PAGE)/package-lock.json
	@command -v npm > /dev/null || { echo "make: building the page needs Node and npm; on Debian: apt-get install nodejs npm" >&2; exit 1; }
	@cd $(PAGE) && npm ci --no-audit --no-fund

test: $(STAMP)  ## Run every test
	@$(RUN) -m tests

faults: $(STAMP)  ## Kill every process again and again under load, and count what is lost; KILLS=1 is short
	@$(RUN) -m tests.faults.campaign --kills $(KILLS) --databases $(DATABASE) --seed $(SEED) $(if $(KINDS),--kinds $(KINDS))

check: $(STAMP)  ## Check lint, format, types, licences and known vulnerabilities
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(RUN) -m deploy.supply_chain

bench: $(STAMP)  ## Measure live meetings, N=1,8 at once
	@N=$(N) $(RUN) -m bench.live

bench-omissions: $(STAMP)  ## Measure speech that is booked as transcribed but has no words
	@$(RUN) -m bench.omissions

bench-peers: N := 1,2
bench-peers: $(STAMP) $(PEERS_STAMP)  ## Measure live streams, N=1,2 at once, beside other live servers
	@$(RUN) -m bench.peers --n $(N)

$(PEERS_STAMP): requirements/peers.lock requirements/torch.lock
	@test -x $(PEERS)/bin/python || { echo "creating $(PEERS)"; $(PYTHON) -m venv $(PEERS); }
	@echo "installing the other live servers; the first time takes some minutes"
	@$(PEERS_PIP) install --quiet $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) --requirement requirements/torch.lock
	@$(PEERS_PIP) install --quiet --requirement requirements/peers.lock
	@$(PEERS_PIP) install --quiet --no-deps whisper-live==0.10.0
	@touch $@

bench-files: $(STAMP) $(WHISPER_STAMP)  ## Measure a 20-minute file, beside faster-whisper and beside live meetings
	@$(RUN) -m bench.files

$(WHISPER_STAMP): requirements/faster-whisper.lock
	@echo "installing faster-whisper into $(WHISPER)"
	@test -x $(WHISPER)/bin/python || $(PYTHON) -m venv $(WHISPER)
	@$(WHISPER)/bin/python -m pip --disable-pip-version-check install --quiet --requirement $<
	@touch $@

bench-minutes: $(STAMP)  ## Measure minutes fact by fact, on invented meetings
	@$(RUN) -m bench.minutes

bench-speakers: $(STAMP)  ## Measure who said what, on recordings whose speakers are known
	@$(RUN) -m bench.speakers

bench-train: $(STAMP)  ## Measure training beside a plain script with transformers and peft
	@$(RUN) -m bench.train

lock: $(STAMP)  ## Write requirements/cpu.lock with the newest versions that fit pyproject.toml
	@$(RUN) -m deploy.lockfile

clean:  ## Remove .venv and caches; keep meetings and models in var/
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
