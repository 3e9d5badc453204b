# `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help setup demo up test lint format contracts-compiled contracts-test contracts-test-py-evm contracts-test-anvil clients bench-indexer soak-indexer soak-contracts mutants bench-gas audit tour lock clean

BIN := .venv/bin
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export SOLCX_BINARY_PATH := $(CURDIR)/.build/solc
# Hundreds of processes are started in the tests; each would compile the project anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: ## install what the lock files say into .venv and node_modules (every other target does it first)
	@PYTHON='$(PYTHON)' scripts/setup.sh

demo: setup ## run one song through the whole stack; SONG=path/to/file takes any WAV, FLAC, MP3, OGG, M4A
	@$(BIN)/stemma demo $(if $(SONG),"$$SONG")

up: setup ## run the whole stack in the foreground until Ctrl-C; its data stays in .stemma
	@$(BIN)/stemma up

# Which folders of tests are run by one process; the longest come first, so that none is left alone at the end.
SUITES := worker indexer api end-to-end stemma stack simulation scripts machines
tests-end-to-end := tests/end_to_end
tests-indexer := tests/indexer --ignore-glob='*/test_simulation*'
tests-api := tests/api
tests-simulation := tests/indexer/test_simulation*.py --numprocesses 2 --dist loadfile
tests-stack := tests/stack
tests-worker := tests/stem_worker
tests-machines := tests/contract_machines
tests-stemma := tests/stemma
tests-scripts := tests/docker tests/scripts

test: setup ## lint and run every test, four suites at a time
	@rm -rf .build/tests
	@echo "each suite shows at its end what it found; while it runs, its log grows in .build/aside"
	@STEMMA_TESTS_SHARED=$(CURDIR)/.build/tests $(MAKE) --no-print-directory --keep-going --jobs 4 \
		lint tests-worker contracts-test-py-evm $(filter-out tests-worker,$(SUITES:%=tests-%)) contracts-test-anvil

contracts-compiled:
	@$(BIN)/python -m scripts.deployment.compiling

$(filter-out tests-worker,$(SUITES:%=tests-%)): contracts-compiled
.PHONY: $(SUITES:%=tests-%)
$(SUITES:%=tests-%): tests-%:
	@scripts/aside.sh tests-$* $(BIN)/python -m pytest $(tests-$*)

lint: setup ## check style, types and the import rule
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench-indexer: setup ## measure the indexer; the last line is one JSON object
	@$(BIN)/python benchmarks/indexer_all.py

soak-indexer: setup ## simulate 1,000 seeds of what goes wrong, then kill the indexer 100 times on anvil; SEEDS=n, KILLS=n
	STEMMA_SIMULATION_SEEDS=$(or $(SEEDS),1000) $(BIN)/python -m pytest tests/indexer/test_simulation*.py -q -n 2 --dist loadfile
	STEMMA_KILLS=$(or $(KILLS),100) $(BIN)/python -m pytest tests/indexer/test_on_anvil.py -q -k kill_9_each_time

format: setup ## put the style right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

contracts-test: setup ## test the contracts on both chains at a time
	@$(MAKE) --no-print-directory -j 2 contracts-test-py-evm contracts-test-anvil

# pysha3 hashes faster than what eth-hash takes by itself.
contracts-test-py-evm contracts-test-anvil tests-simulation soak-indexer: export ETH_HASH_BACKEND := pysha3

contracts-test-py-evm: contracts-compiled
	@scripts/aside.sh contracts-on-py-evm $(BIN)/ape test tests/contracts --network ethereum:local:test

contracts-test-anvil: contracts-compiled
	@scripts/aside.sh contracts-on-anvil $(BIN)/ape test tests/contracts --network ethereum:local:foundry

clients: setup ## write clients/ anew from the API and the contracts
	$(BIN)/python -m scripts.clients

soak-contracts: setup ## run the contracts' state machines for a million steps; STEPS=n for another number
	$(BIN)/python -m tests.contract_machines.soak --steps $(or $(STEPS),1000000)

mutants: setup ## break one rule of the contracts at a time and see each caught
	$(BIN)/python -m tests.contract_machines.mutants

bench-gas: setup ## print what the contracts' acts cost; ACCEPT=1 writes .gas-snapshot.json
	@$(BIN)/python -m benchmarks.gas $(if $(ACCEPT),--accept)

tour: setup ## walk one family tree on a chain of its own and check everybody's money to the last unit
	@$(BIN)/python -m scripts.tour

audit: setup ## fuzz, prove and scan the contracts; writes docs/security/audit-report.md, fails on anything unexplained
	@scripts/audit/install.sh
	@$(BIN)/python -m scripts.audit

lock: setup ## bring the lock files to pyproject.toml; UPGRADE=1 takes the newest versions that it allows
	@UPGRADE='$(UPGRADE)' scripts/lock.sh

clean: ## remove the stack's data, the virtual environment, node_modules and every cache
	@[ ! -x $(BIN)/python ] || $(BIN)/python -m stack.home
	rm -rf .venv .venv-audit node_modules tests/forge/node_modules .build .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	rm -rf *.egg-info build
