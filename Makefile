# The habits of this house. Everything works on a fresh machine with Python 3.11+ and make.
PYTHON ?= python3
DOCKER ?= docker
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: serve test check format bench matrix dashboards image clean

serve: $(VENV)/.gateway  ## start the gateway on http://127.0.0.1:8765
	$(BIN)/rosetta serve $(ARGS)

test: $(VENV)/.test  ## the test suite, without the suites that need real clients or tools
	$(BIN)/python -m pytest -n auto $(ARGS)

check: $(VENV)/.test  ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.test  ## CPU per request against the hand-written yardstick; needs gcc
	$(BIN)/python benchmarks/bench.py $(ARGS)

matrix: $(VENV)/.test  ## every real client on every upstream; needs what tests/clients/install.sh installs, at $$RIG_ROOT
	$(BIN)/python -m tests.clients.matrix $(ARGS)

dashboards: $(VENV)/.test  ## the dashboards and alert rules from their Python source, and the chart's copies
	$(BIN)/python -m dashboards
	$(BIN)/python -m deploy

generate: $(VENV)/.test  ## docs/config.md, the chart's schema, table, dashboards and rules, each from its one source
	$(BIN)/python -m deploy

image:  ## the container image, as rosetta:latest; needs docker (or DOCKER=podman)
	$(DOCKER) build --build-arg REVISION=$$(git rev-parse HEAD) -t rosetta:latest $(ARGS) .

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.gateway: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install -q -c constraints.txt -e '.[gateway]'
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install -q -c constraints.txt -e '.[gateway,test]'
	@touch $@ $(VENV)/.gateway

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
