# Everything a contributor types. Each target does its own set-up, on a machine with Python 3.10 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests wait for machines as long as they compute: half as many workers again as there are processors.
WORKERS ?= $(shell n=$$(nproc 2>/dev/null) && echo $$(( (n * 3 + 1) / 2 )) || echo auto)
SHELL_FILES = $(shell git ls-files -co --exclude-standard -- '*.sh' .ci/run 'examples/hooks/*' \
	'tests/lab/recipes/node/install' 'tests/lab/recipes/node/settle' 'tests/lab/recipes/node/rootfs/usr/sbin/*' \
	tests/lab/nvidia/nvidia-smi tests/lab/nvidia/nvidia-container-runtime 'tests/lab/recipes/tgi/bin/*')
# By their names: in a folder zizmor finds only what GitHub would run.
EXAMPLES = $(wildcard examples/github/*.yml)

.DEFAULT_GOAL := help
.PHONY: help setup up chat down test check lint types imports shell playbooks workflows docs docs-reference planner-fit format build clean lab lab-clean emulators

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# pip comes last when a virtual environment is made: one that was cut off lacks it, and is completed.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "This Python cannot make virtual environments: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# What `up` needs, and nothing more: the first chat should not wait for linters.
$(VENV)/.user: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[local]'
	@touch $@

# `pip install --group` came with pip 25.1.
$(VENV)/.developer: $(VENV)/.user
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/pip install --quiet --disable-pip-version-check --group dev
	@touch $@

setup: $(VENV)/.developer ## Install everything that a contributor needs

up: $(VENV)/.user ## Serve a model on this machine
	$(BIN)/zephyr-deploy up

chat: $(VENV)/.user ## Chat with it
	$(BIN)/zephyr-deploy chat

down: $(VENV)/.user ## Take it away, downloads included
	$(BIN)/zephyr-deploy down --purge

# One worker a file: the nodes of the lab are shared within it, and booting them costs seconds.
test: $(VENV)/.developer ## Run every test but the long ones
	$(BIN)/pytest -m "not long" -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test-long: $(VENV)/.developer ## Run the long ones
	$(BIN)/pytest -m long -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lab: $(VENV)/.developer ## Start a real node to play with (CARD=A10G: with another card)
	PYTHONPATH=tests $(BIN)/python -m lab up $(if $(CARD),--card $(CARD))

lab-clean: $(VENV)/.developer ## Remove all nodes, and what the lab has built
	PYTHONPATH=tests $(BIN)/python -m lab clean

emulators: $(VENV)/.developer ## Emulate AWS and E2E Networks here, for zephyr-deploy --rehearse
	PYTHONPATH=tests $(BIN)/python -m emulators

check: lint types imports shell playbooks workflows docs ## Everything that is not a test

lint: $(VENV)/.developer ## Check the style of the code
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.developer
	$(BIN)/mypy

imports: $(VENV)/.developer
	$(BIN)/lint-imports

shell: $(VENV)/.developer
	$(BIN)/shellcheck $(SHELL_FILES)

playbooks: $(VENV)/.developer
	PATH="$(CURDIR)/$(BIN):$$PATH" ANSIBLE_HOME="$(CURDIR)/.ansible" $(BIN)/ansible-lint --offline --strict playbooks

workflows: $(VENV)/.developer
	$(BIN)/zizmor --offline --quiet .github $(EXAMPLES)
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml $(EXAMPLES)
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-actions .github/actions/*/action.yml

docs: $(VENV)/.developer ## Build the documentation
	$(BIN)/mkdocs build --strict --quiet

docs-reference: $(VENV)/.developer ## Write the generated pages anew
	$(BIN)/python -m zephyr_deploy.cli.reference docs/cli.md
	$(BIN)/python -m zephyr_deploy.spec.reference docs/configuration.md
	$(BIN)/python -m zephyr_deploy.bench.schema zephyr_deploy/data/bench.schema.json

planner-fit: $(VENV)/.developer ## Fit the planner's constants to published measurements anew, and write how far off they are
	$(BIN)/pip install --quiet --disable-pip-version-check --group fit
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/planner/fit.py --write
	$(BIN)/python benchmarks/planner/published.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/planner/learning.py --write

format: $(VENV)/.developer ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

build: $(VENV)/.developer ## Build the wheel
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .

clean: ## Delete what was built
	rm -rf $(VENV) dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .ansible
