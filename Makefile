# `make` prints this menu; every target brings what it needs.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
GROUND := */firmhold/trust/*,*/firmhold/update/*,*/firmhold/protocol/*
WORKERS ?= 2
FAST := tests/trust tests/update tests/fuzz tests/interop tests/contracts tests/release tests/signing \
  tests/storage $(wildcard tests/test_*.py)

##@ See it
.PHONY: help demo
help: ## print this menu
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(BIN)/.demo ## real firmware: build, sign, publish, fetch, verify, install; then attacks on it
	$(BIN)/python -m firmhold demo

##@ Check it
.PHONY: test check fast lint types walls fuzz mutate bench lab-full
test: deps $(BIN)/.dev ## everything: checks, all tests, coverage of the ground
	$(MAKE) lint types walls
	rm -f .coverage .coverage.*
	$(BIN)/coverage erase
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --cov --cov-report= --timeout=600
	$(BIN)/coverage report --include='$(GROUND)' --fail-under=100
	$(BIN)/coverage report --omit='$(GROUND)' --fail-under=95

check: $(BIN)/.dev ## what to run before each commit: lint, types, walls, fast tests
	$(MAKE) lint types walls fast

fast: $(BIN)/.dev ## the tests of the rules and of the desk, without those that take long
	$(BIN)/python -m pytest -n $(WORKERS) -q -m 'not slow' $(FAST)

lint: $(BIN)/.dev ## style, every rule of it
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(BIN)/.dev ## types, strictly, tests included
	$(BIN)/mypy

walls: $(BIN)/.dev ## who may import whom
	$(BIN)/lint-imports

lab-full: $(BIN)/.dev ## end a device on a fleet, or its power, in each operation of its disk; takes long
	FIRMHOLD_EVERY_CUT=1 $(BIN)/python -m pytest tests/path/test_cut_disk.py --timeout=3600

fuzz: $(BIN)/.fuzz ## throw bytes at every parser; SECONDS_EACH=60
	$(BIN)/python fuzz/run.py --seconds $(or $(SECONDS_EACH),60)

mutate: $(BIN)/.mutate ## break each line of the ground and see a test fail; takes long
	$(BIN)/python fuzz/mutate.py

bench: $(BIN)/.dev ## measure an install beside sha256sum, zstd and dd, and check-ins; needs zstd
	$(BIN)/python bench/install.py
	$(BIN)/python bench/checkin.py
	$(BIN)/python bench/keys.py

##@ Keep it
.PHONY: deps format lock clean
deps: ## install the Debian packages that tests need, where apt is there
	@if command -v apt-get >/dev/null; then sh requirements/deps.sh; else echo "no apt here: see requirements/debian.txt"; fi

format: $(BIN)/.dev ## mend what style tools can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(BIN)/.dev ## pin every requirement anew, with hashes
	for name in core demo dev fuzz mutate; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --custom-compile-command "make lock" $(UPGRADE) \
	    requirements/$$name.in -o requirements/$$name.txt; done

clean: ## remove what these targets made
	rm -rf $(VENV) .cache mutants .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Firmhold needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

# The lists are whole, so nothing is left to be resolved: a release that came out since cannot break it.
define install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/$(1).txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@
endef

$(BIN)/.demo: $(BIN)/python requirements/demo.txt pyproject.toml
	$(call install,demo)
# The binding to the TPM is compiled against Debian's library, so its packages come first.
$(BIN)/.dev: $(BIN)/python requirements/dev.txt pyproject.toml | deps
	$(call install,dev)
$(BIN)/.fuzz: $(BIN)/python requirements/fuzz.txt pyproject.toml
	$(call install,fuzz)
$(BIN)/.mutate: $(BIN)/python requirements/mutate.txt pyproject.toml
	$(call install,mutate)
