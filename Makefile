# Two commands on a fresh machine do everything: `make demo` and `make test`. Both create .venv first.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
PIP_INSTALL := -m pip install -qq --disable-pip-version-check

# A Spark of ours, not one that the shell happens to point at; workers run this environment's Python; and a host name that
# does not resolve must not stop a local Spark.
unexport SPARK_HOME PYTHONPATH PYSPARK_SUBMIT_ARGS
export SPARK_LOCAL_IP := 127.0.0.1
export PYSPARK_PYTHON := $(abspath $(PYTHON))
export PYSPARK_DRIVER_PYTHON := $(abspath $(PYTHON))

# The home of Java is asked for when a recipe runs, not when this file is read: it may have to be installed first.
WITH_JAVA = JAVA_HOME="$$($(PYTHON) .ci/find_java.py)" && export JAVA_HOME &&
PYTEST = $(PYTHON) -m pytest -q

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: demo
demo: $(INSTALLED) ## train on real handwritten digits through Spark, end to end
	@$(WITH_JAVA) $(PYTHON) examples/digits.py

.PHONY: test
test: check test-fast test-slow test-spark test-cluster ## everything that must pass

.PHONY: test-fast
test-fast: $(INSTALLED) ## tests without Spark, under 3 minutes
	@$(PYTEST) -m "not spark and not cluster and not slow and not interop"

.PHONY: test-slow
test-slow: $(INSTALLED)
	@$(PYTEST) -m "slow and not spark and not cluster and not interop"

.PHONY: test-spark
test-spark: $(INSTALLED) ## tests on a local Spark
	@$(WITH_JAVA) $(PYTEST) -m "spark and not cluster and not interop"

.PHONY: test-cluster
test-cluster: $(INSTALLED) ## tests on a cluster of executor processes
	@$(WITH_JAVA) $(PYTEST) -m "cluster and not interop"

.PHONY: check
check: $(INSTALLED) ## ruff, mypy and the ladder of rooms
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy
	@$(VENV)/bin/lint-imports --no-logo

.PHONY: size
size: ## lines per room, and what has grown too long
	@.ci/size.py

$(INSTALLED): pyproject.toml .ci/create_venv.sh
	@.ci/create_venv.sh $(VENV)
	@$(PYTHON) $(PIP_INSTALL) --editable ".[test,check]"
	@touch $@

# -------------------------------------------------------------------------------- environments of their own
.PHONY: interop
interop: .venv-interop/.installed ## real Keras opens the files that we write
	@KERAS_BACKEND=jax .venv-interop/bin/python -m pytest -q -m interop

.venv-interop/.installed: pyproject.toml .ci/create_venv.sh
	@.ci/create_venv.sh .venv-interop
	@.venv-interop/bin/python $(PIP_INSTALL) --editable ".[test,interop]"
	@touch $@

.PHONY: interop2
interop2: .venv-interop2/.installed ## real Keras 2.15 opens the .h5 files that we write (needs python3.11 or 3.10)
	@.venv-interop2/bin/python -m pytest -q -m interop tests/interop/test_keras2_opens_our_files.py

.venv-interop2/.installed: pyproject.toml .ci/create_venv.sh
	@PYTHON3=$$(command -v python3.11 || command -v python3.10) .ci/create_venv.sh .venv-interop2
	@.venv-interop2/bin/python $(PIP_INSTALL) --editable ".[test,interop2]"
	@touch $@

.PHONY: bench
bench: bench-step bench-barrier ## speed against PyTorch, and the cost of a distributed iteration

.PHONY: bench-step
bench-step: .venv-bench/.installed
	@.venv-bench/bin/python benchmarks/bench_training_step.py

.PHONY: bench-barrier
bench-barrier: $(INSTALLED)
	@$(WITH_JAVA) $(PYTHON) benchmarks/bench_barrier.py

.venv-bench/.installed: pyproject.toml .ci/create_venv.sh
	@.ci/create_venv.sh .venv-bench
	@.venv-bench/bin/python $(PIP_INSTALL) --editable ".[bench]"
	@touch $@

.PHONY: clean
clean: ## remove environments, caches and results
	rm -rf .venv .venv-interop .venv-interop2 .venv-bench demo_output benchmarks/results build dist spark-warehouse
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
