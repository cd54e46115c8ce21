# Everything here needs python3 ≥ 3.11 with venv, make and a package registry; nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_DATA := data/demo
AUDIT := .tmp/audit
# One process more than cores: some tests wait for servers and processes.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min((os.cpu_count() or 1) + 1, 9))')
PYTEST := $(BIN)/pytest --numprocesses $(WORKERS) --dist worksteal
# Where bytecode is not kept, every process of the tests compiles a thousand modules anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): constraints.txt pyproject.toml setup.cfg
	@echo "Setting up $(VENV) (once; a minute or less) …"
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "mist_pipeline needs Python 3.11 or later; set PYTHON=python3.x")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --upgrade pip uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable ".[dev]"
	@touch $(READY)

setup: $(READY)  ## The project's environment in .venv

demo: $(READY)  ## A simulated Mist cloud, 45 days of history pulled over HTTP, and the report
	@$(BIN)/mist-pipeline demo --data $(DEMO_DATA)

test: $(READY)  ## All tests
	@$(PYTEST)

test-fast: $(READY)  ## The unit tests, in less than a minute: fewer examples of each property
	@HYPOTHESIS_PROFILE=fast $(PYTEST) -m "not slow"

test-latest:  ## All tests with the newest versions of everything
	@$(PYTHON) -m venv --clear .tmp/latest
	@.tmp/latest/bin/python -m pip install --quiet --disable-pip-version-check uv
	@.tmp/latest/bin/uv pip install --quiet --python .tmp/latest/bin/python --upgrade --editable ".[dev]"
	@.tmp/latest/bin/pytest --numprocesses $(WORKERS) --dist worksteal

coverage: $(READY)  ## Tests with line and branch coverage
	@$(PYTEST) --cov --cov-branch --cov-report=term

check: $(READY)  ## Formatting, lint, types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: $(READY)  ## Format, and fix what lint can fix
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(READY)  ## The pages made from code: commands, data dictionary, configuration
	@$(BIN)/python -m mist_pipeline.cli.pages

screenshots: $(READY)  ## The pictures of the documentation, of the demo's data; needs Chromium
	@$(BIN)/python -m mist_pipeline.cli.screenshots --data $(DEMO_DATA)

crash-test: $(READY)  ## Two crash tests: notification killed 200 times in a simulated week, the daemon 50 times in a day
	@$(BIN)/python -m mist_pipeline_tests.crash.harness --kills 200
	@$(BIN)/python -m mist_pipeline_tests.crash.daemon.harness --kills 50

failover-test: $(READY)  ## Two machines in a storm: the active one killed, cut off, paused, left without its database; needs root
	@$(BIN)/python -m mist_pipeline_tests.failover.harness

test-scale: $(READY)  ## The large rehearsals one after another: two machines on a folder and on S3, fifty organisations, a Dask cluster; hours, needs root
	@failed=0; \
	$(BIN)/python -m mist_pipeline_tests.failover.harness || failed=1; \
	$(BIN)/python -m mist_pipeline_tests.failover.harness --s3 || failed=1; \
	$(BIN)/python -m benchmarks organisations || failed=1; \
	$(BIN)/python -m mist_pipeline_tests.cluster.harness || failed=1; \
	exit $$failed

bench: $(READY)  ## Benchmarks; prints a table
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt ".[bench]"
	@$(BIN)/python -m benchmarks

bench-heldout: $(READY)  ## Benchmarks on simulated worlds that nobody looked at while choosing a method
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt ".[bench]"
	@$(BIN)/python -m benchmarks --held-out

lock: $(READY)  ## Versions and hashes of what an installation runs, made anew from constraints.txt
	@$(BIN)/uv pip compile --quiet pyproject.toml --extra apprise --extra dask --extra lake --extra postgres --extra storage --constraint constraints.txt \
	  --generate-hashes --universal --python-version 3.11 --no-annotate --no-header --no-emit-index-url \
	  --output-file lock.txt > /dev/null

$(AUDIT)/.ready: $(READY)
	@$(BIN)/uv venv --quiet --clear $(AUDIT)
	@$(BIN)/uv pip install --quiet --python $(AUDIT)/bin/python --constraint constraints.txt pip-audit cyclonedx-bom
	@touch $@

audit: $(AUDIT)/.ready  ## Known advisories about what lock.txt names; needs the network, and fails where it cannot ask
	@$(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes --requirement lock.txt

sbom: $(AUDIT)/.ready  ## sbom.json: what an installation consists of (CycloneDX), made from lock.txt
	@$(AUDIT)/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --output-file sbom.json lock.txt 2> /dev/null
	@echo "Wrote sbom.json"

ui: $(READY)  ## Dagster in the browser, on the demo's data unless MIST_PIPELINE_DATA says otherwise
	@MIST_PIPELINE_DATA=$${MIST_PIPELINE_DATA:-$(DEMO_DATA)} $(BIN)/mist-pipeline ui

clean:  ## Remove the environment, caches and the demo's data
	@rm -rf $(VENV) $(DEMO_DATA) sbom.json .tmp .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help setup demo test test-fast test-latest coverage check format docs screenshots crash-test failover-test test-scale bench bench-heldout lock audit sbom ui clean
