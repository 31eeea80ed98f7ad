# The only runner: `make help` lists what there is. Every target sets itself up in .venv.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 \
	&& $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PROJECT := pyproject.toml src/omskit/_version.py
WORKERS ?= 2
FUZZ_EXAMPLES ?= 100
FUZZ_RUNS ?= 200000
KERBEROS ?=
BROWSER ?=
# What installs. uv does it in a fraction of the time, see .ci/run.
INSTALLER ?= $(BIN)/python -m pip install --quiet
# What tests, types and docs need of the optional packages.
EXTRAS := plot,server,dashboard,notebook,pandas,polars,trigger,xarray,store,root
ARGS ?=

.PHONY: help demo test lint format types docs handbook bench chaos follow fuzz minimums clean

help: ## Say what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.demo ## Tell the whole story on simulated data: tables, and figures in demo-output/
	$(BIN)/oms demo $(ARGS)

test: $(VENV)/.test ## Run the whole test suite with branch coverage
	$(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report=term:skip-covered $(ARGS)

lint: $(VENV)/.lint ## Check style, format and who may import whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

format: $(VENV)/.lint ## Mend what lint would complain about, where a machine can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(VENV)/.lint ## Check the types, strictly
	$(BIN)/mypy

docs: $(VENV)/.test handbook ## Write the generated pages, run every block, build the handbook
	$(BIN)/python docs/generate.py
	$(BIN)/python -m pytest -n $(WORKERS) tests/project $(ARGS)

handbook: $(VENV)/.docs ## Build the handbook, a static site: docs/_build/html/index.html
	$(BIN)/python docs/generate.py
	$(BIN)/sphinx-build -q -W --keep-going -b html -d docs/_build/doctrees -c docs . docs/_build/html
	@echo "The handbook is docs/_build/html/index.html"

bench: $(VENV)/.bench ## Measure against the official client, minutes long
	$(BIN)/python benchmarks/fetch.py $(ARGS)
	$(BIN)/python benchmarks/decode.py $(ARGS)

chaos: $(VENV)/.bench ## Fetch 1000 tables under faults, omskit and the official client
	$(BIN)/python benchmarks/chaos.py $(ARGS)

follow: $(VENV)/.test ## Follow a run of eight hours, played in nine minutes
	$(BIN)/python benchmarks/follow.py $(ARGS)

fuzz: $(VENV)/.fuzz ## Throw random requests, URLs and pages at the service, minutes long
	OMSKIT_FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) OMSKIT_FUZZ_RUNS=$(FUZZ_RUNS) \
		$(BIN)/python -m pytest --timeout 1800 -rP tests/fuzz $(ARGS)

minimums: ## Run the tests with the oldest packages that pyproject.toml allows
	$(MAKE) VENV=.venv-minimums .venv-minimums/.minimums
	.venv-minimums/bin/python -m pytest -n $(WORKERS) $(ARGS)

clean: ## Remove everything that these targets made
	rm -rf .venv .venv-minimums demo-output docs/_build .coverage* .pytest_cache .mypy_cache
	rm -rf .ruff_cache .import_linter_cache .hypothesis build dist

$(BIN)/python:
	@test -n "$(PYTHON)" || { \
		echo "omskit needs Python 3.11 or later, and no such python3 is on the PATH." >&2; \
		echo "Install one, or name it: make PYTHON=/where/it/is/python3.12 ..." >&2; \
		exit 1; }
	$(PYTHON) -m venv $(VENV) || { \
		echo "'$(PYTHON) -m venv' failed; on Debian and Ubuntu: apt install python3-venv" >&2; \
		rm -rf $(VENV); exit 1; }
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'

$(VENV)/.demo: $(BIN)/python $(PROJECT)
	$(INSTALLER) --editable '.[plot,server,dashboard]'
	@touch $@

# What goes with a KDC and a browser of the system. gssapi is compiled, and optimising it
# would take three times as long as all else.
define SYSTEMS
@test -z "$(KERBEROS)" || CFLAGS=-O0 $(INSTALLER) --group kerberos \
	|| echo "The packages of the group kerberos cannot be installed; its tests are skipped."
@test -z "$(BROWSER)" || $(INSTALLER) --group browser \
	|| echo "The packages of the group browser cannot be installed; its tests are skipped."
endef

$(VENV)/.test: $(BIN)/python $(PROJECT)
	$(INSTALLER) --editable '.[$(EXTRAS)]' --group test
	$(SYSTEMS)
	@touch $@

$(VENV)/.docs: $(BIN)/python $(PROJECT)
	$(INSTALLER) --editable '.[$(EXTRAS)]' --group docs
	@test -z "$(BROWSER)" || $(INSTALLER) --group browser \
		|| echo "The packages of the group browser cannot be installed: no screenshots."
	@touch $@

$(VENV)/.lint: $(BIN)/python $(PROJECT)
	$(INSTALLER) --editable '.[$(EXTRAS)]' --group lint
	@touch $@

$(VENV)/.bench: $(BIN)/python $(PROJECT)
	$(INSTALLER) --editable '.[server,pandas]' --group bench
	@touch $@

$(VENV)/.fuzz: $(BIN)/python $(PROJECT)
	$(INSTALLER) --editable '.[server]' --group test --group fuzz
	@touch $@

# What all the targets above need, in one go: one search for versions instead of five.
$(VENV)/.everything: $(BIN)/python $(PROJECT)
	$(INSTALLER) --editable '.[$(EXTRAS)]' \
		--group lint --group docs --group bench --group test --group fuzz
	@touch $(VENV)/.lint $(VENV)/.bench $(VENV)/.fuzz $@
	@test -n "$(KERBEROS)$(BROWSER)" || touch $(VENV)/.test $(VENV)/.docs

$(VENV)/.systems: $(VENV)/.test
	$(SYSTEMS)
	@touch $@

$(VENV)/.minimums: $(BIN)/python $(PROJECT) .ci/minimums.py
	$(BIN)/python .ci/minimums.py pyproject.toml > $(VENV)/minimums.txt
	$(INSTALLER) --editable '.[$(EXTRAS)]' \
		--group test --constraint $(VENV)/minimums.txt
	@touch $@
