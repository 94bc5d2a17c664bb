.DEFAULT_GOAL := help
.SUFFIXES:

PY ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
V := .venv
BIN := $(V)/bin
export UV_SYSTEM_CERTS ?= 1
# Bytecode is kept whatever the environment says: without it every process compiles every library at every start.
unexport PYTHONDONTWRITEBYTECODE
PLUGINS := $(sort $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml)))
EDITABLE := -e . $(foreach plugin,$(PLUGINS),-e $(plugin))
SOURCES := pyproject.toml setup.cfg $(foreach plugin,$(PLUGINS),$(plugin)/pyproject.toml)
UV := $(BIN)/uv pip
TARGET := --python $(BIN)/python
CODE := src plugins tests bench
PEER := .venv-bench
ROUNDS ?= 5
ONLY ?=

.PHONY: help run tour test bench requirements lint types fmt lock clean

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

# Versions and hashes come from requirements*.txt; where uv cannot reach the index, pip does the same more slowly.
$(BIN)/python:
	$(PY) -m venv $(V)
	$(BIN)/python -m pip install -q --disable-pip-version-check 'uv>=0.13,<0.14'

$(V)/.installed: requirements.txt $(SOURCES) | $(BIN)/python
	@echo "installing marketcore and $(words $(PLUGINS)) plugins into $(V)"
	@$(UV) install -q $(TARGET) -r requirements.txt && $(UV) install -q $(TARGET) --no-deps $(EDITABLE) \
	  || $(BIN)/pip install -q --disable-pip-version-check -r requirements.txt $(EDITABLE)
	@touch $@

$(V)/.developing: requirements-dev.txt $(V)/.installed
	@echo "installing the tools of development"
	@$(UV) install -q $(TARGET) -r requirements-dev.txt \
	  || $(BIN)/pip install -q --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# The tests in a browser take the system's Chromium; where there is none, Playwright downloads its own.
$(V)/.browser: $(V)/.developing
	@$(BIN)/python -m marketcore.testing.browser
	@touch $@

run: $(V)/.installed ## everything on this machine: database, cache, web, live, worker, simulated payments
	@exec $(BIN)/marketcore run

tour: $(V)/.installed ## a purchase from end to end against the running system
	@$(BIN)/marketcore tour

test: lint $(V)/.browser ## lint, types, boundaries and every test, against real servers
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

# The other side of the comparison has an environment of its own; nothing of it is part of marketcore.
$(PEER)/.installed: bench/requirements.txt | $(BIN)/python
	@echo "installing the Django peer into $(PEER)"
	@$(PY) -m venv $(PEER)
	@$(UV) install -q --python $(PEER)/bin/python -r bench/requirements.txt \
	  || $(PEER)/bin/pip install -q --disable-pip-version-check -r bench/requirements.txt
	@touch $@

bench: $(V)/.installed $(PEER)/.installed ## speed beside Django, PostgreSQL and bare sockets (ROUNDS=1 ONLY=name for a quick look)
	@$(BIN)/python -m bench --peer-python $(PEER)/bin/python --rounds $(ROUNDS) $(foreach name,$(ONLY),--only $(name))

lint: $(V)/.developing ## style, types and the boundaries between rooms
	@$(BIN)/ruff check -q $(CODE)
	@$(BIN)/ruff format -q --check $(CODE)
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache > $(V)/boundaries.txt || { cat $(V)/boundaries.txt; exit 1; }

requirements: $(BIN)/python ## what is promised, and which tests prove it
	@$(BIN)/python tests/requirements.py

fmt: $(V)/.developing ## put the code into its form
	@$(BIN)/ruff check -q --fix $(CODE)
	@$(BIN)/ruff format -q $(CODE)

COMPILE := $(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
  --no-emit-package marketcore $(foreach plugin,$(notdir $(PLUGINS)),--no-emit-package marketcore-$(subst _,-,$(plugin)))
PROJECTS := pyproject.toml $(foreach plugin,$(PLUGINS),$(plugin)/pyproject.toml)

lock: | $(BIN)/python ## choose the newest allowed versions and write them down with their hashes
	$(COMPILE) -o requirements.txt $(PROJECTS)
	$(COMPILE) --all-extras -c requirements.txt -o requirements-dev.txt $(PROJECTS)
	$(COMPILE) -o bench/requirements.txt bench/requirements.in

clean: ## remove the virtual environment and the data of `make run`
	rm -rf $(V) $(PEER) var
