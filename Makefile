# `make run` and `make test` do all the set-up themselves. What they need: make, and Python 3.11
# or newer. `make help` lists the targets.
#
#   PYTHON=/path/to/python3.12    the Python to make the virtual environment with
#   ARGS='...'                    more arguments for what the target runs in the end

SHELL := /bin/sh
BIN := .venv/bin
PYTHON ?=
ARGS ?=
export PYTHON

# Where it is set, every program that is started compiles itself anew: a third of its start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test lint bench scenarios compliance fuzz faults lock clean
.PHONY: ready-to-run ready-to-test ready-to-bench lint-steps

help:
	@echo 'make run         set up what is missing, then start the manager with tap.cfg (ARGS=...)'
	@echo 'make test        set up what is missing, then lint and run all tests (ARGS=... for pytest)'
	@echo 'make lint        ruff, mypy, the rules about imports, the sources of the page'
	@echo 'make bench       the benchmarks, with their peers (ARGS=--help)'
	@echo 'make scenarios   the control loop in a simulated garage, for hours (ARGS="S2 --seeds 2")'
	@echo 'make compliance  the OCPP cases, in memory, on sockets and TLS (ARGS=... for ids)'
	@echo 'make fuzz        a million damaged messages (ARGS="--count 1000 --seed 2" for others)'
	@echo 'make faults      kill the manager at each step of a charge, and 100 times at random'
	@echo 'make lock        write requirements/*.txt anew from setup.cfg (ARGS=--upgrade for newest)'
	@echo 'make clean       remove .venv, caches and build results; data stays'

ready-to-run:
	@sh tools/bootstrap run

ready-to-test:
	@sh tools/bootstrap test

ready-to-bench:
	@sh tools/bootstrap bench

# The shell is replaced, so that signals reach the manager itself.
run: ready-to-run
	@exec $(BIN)/python tools/run.py $(ARGS)

test: ready-to-test
	@sh tools/system_packages
	@$(MAKE) --no-print-directory lint-steps
	@echo '-- pytest'
	@exec $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: ready-to-test lint-steps

lint-steps:
	@echo '-- ruff check'
	@$(BIN)/ruff check .
	@echo '-- ruff format'
	@$(BIN)/ruff format --check .
	@echo '-- mypy'
	@$(BIN)/mypy
	@echo '-- lint-imports'
	@$(BIN)/lint-imports
	@echo '-- the sources of the page'
	@$(BIN)/python tools/build_page.py --check

bench: ready-to-bench
	@exec $(BIN)/python -m bench.run $(ARGS)

scenarios: ready-to-bench
	@exec $(BIN)/python -m bench.scenarios $(ARGS)

compliance: ready-to-test
	@exec $(BIN)/python -m tests.compliance $(ARGS)

# Half of them to the decoders alone, half in conversations; before, the longest of each shape.
fuzz: ready-to-test
	@$(BIN)/python -m tests.fuzz.shapes
	@$(BIN)/python -m tests.fuzz.frames --count 500000 $(ARGS)
	@exec $(BIN)/python -m tests.fuzz.sessions --count 500000 $(ARGS)

faults: ready-to-test
	@$(BIN)/python -m tests.faults.steps
	@exec $(BIN)/python -m tests.faults.storm $(ARGS)

lock:
	@sh tools/lock $(ARGS)

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	rm -rf .import_linter_cache .hypothesis _trial_temp* twisted/plugins/dropin.cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
