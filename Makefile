# The commands of this project; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PY := .venv/bin/python

.PHONY: help setup check test drills accept sabotage docs bench clean

help:  ## what there is
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

setup:  ## system packages and .venv
	@tools/setup

check: setup  ## lint, types, layers and self-tests: minutes, no lab
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/pytest selftest -n auto

test: check  ## check, then the real thing on a lab of two nodes
	.venv/bin/pytest labtest -m "not long" -rA -s

drills: setup  ## damaged exports, killed drills, a node added, on a lab of two nodes: two hours
	.venv/bin/pytest labtest -m long -rA -s

accept: setup  ## a lab of three nodes, built by the notes, an export restored, verified, reported
	$(PY) -m provision accept

sabotage: setup  ## every control seen red on the lab: about an hour
	$(PY) -m sabotage --keep-going

docs: setup  ## the generated documents, anew
	$(PY) -m gntverify.cli docs docs
	$(PY) -m provision runbook > docs/runbook.new && mv docs/runbook.new docs/runbook.md

bench: setup  ## the backend against testinfra's own ways
	$(PY) -m bench

clean:  ## what the suites wrote; the cache of images stays
	rm -rf reports/out bench/out .pytest_cache .mypy_cache .ruff_cache .hypothesis
