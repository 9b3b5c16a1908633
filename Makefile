# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# `make` lists the targets. Every target sets up what it needs, once, below build/.

MAKEFLAGS += --no-print-directory --no-builtin-rules
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

ENVIRONMENT := python3 tests/tools/environment.py

# Which ansible-core runs the tests: the newest that a Python of this machine can run. `make e2e CORE=2.16` picks one.
CORE ?= $(eval CORE := $(shell $(ENVIRONMENT) newest))$(CORE)
VENV = build/venv/core-$(CORE)
LINT := build/venv/lint
PYTHON = $(VENV)/bin/python

# The checkout, seen as an installed collection.
TREE := build/tree
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/$(TREE)
RESULTS := build/results
WORKERS ?= 2
ROUNDS ?= 12

# `make nodes`: how many, in linked groups of how many (all of them when not given; 1 for nodes on their own), which
# releases (dealt in turn) and what root's login shell is.
N ?= 3
LINKED ?=
PROFILE ?= 8.0u3
SHELL_ ?= appliance
SIMVC = PYTHONPATH=tests/appliance $(PYTHON) -B -m simvc.lab

# `make bench`: the largest fleet, and in how many linked groups; BENCH="--part windows" and the like to do less.
# Ends with an error when a target is missed (bench.py's exit status is 3 then), with everything written.
NODES ?= 60
GROUPS ?= 12
BENCH ?=
DRAW := build/venv/bench

VERSION := $(shell sed -n 's/^version: //p' galaxy.yml)
TARBALL := build/dist/vcfleet-certs-$(VERSION).tar.gz
SOURCES := $(shell find galaxy.yml README.md LICENSE CHANGELOG.rst meta plugins roles playbooks extensions changelogs docs -type f \
             -not -name '*.pyc' 2>/dev/null)

.PHONY: help demo test nodes nodes-stop matrix unit e2e e2e-slow faults faults-few faults-slow mutation bench sanity lint types docs \
        changelog build clean report packages tree

help: ## list the targets
	@echo 'vcfleet.certs $(VERSION)'; echo
	@sed -nE 's/^([a-z0-9-]+):[^#]*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target text; \
	  do printf '  make %-12s %s\n' "$$target" "$$text"; done
	@echo; echo 'Everything that is set up goes below build/. Cores: CORE=2.16, 2.19 or 2.21.'

##@ See it

demo: packages $(VENV)/.ready $(TARBALL) ## rotate a linked group of three simulated vCenters, and show it
	@$(PYTHON) tests/tools/demo.py $(TARBALL)

nodes: packages $(VENV)/.ready ## start simulated nodes and keep them: N=3 LINKED=3 PROFILE=8.0u3 SHELL_=appliance|bash
	@mkdir -p build
	@$(SIMVC) up --nodes $(N) $(if $(LINKED),--linked $(LINKED)) $(PROFILE:%=--profile %) --shell $(SHELL_) \
	  --inventory build/nodes.yml
	@echo 'Make it stop: make nodes-stop'

nodes-stop: $(VENV)/.ready ## end the nodes that `make nodes` started
	@$(SIMVC) down

##@ Check it

test: ## everything that a change must pass
	@rm -rf $(RESULTS)
	@for step in lint types docs changelog unit sanity e2e faults-few; do \
	  echo "── make $$step"; $(MAKE) "$$step"; done
	@$(PYTHON) tests/tools/tally.py $(RESULTS)

matrix: report ## sanity, unit and end-to-end tests on every ansible-core and node Python found here
	@rm -rf $(RESULTS)
	@for core in $$($(ENVIRONMENT) cores); do for step in sanity unit e2e; do \
	  echo "── make $$step CORE=$$core"; $(MAKE) "$$step" CORE="$$core"; done; done
	@echo '── make e2e-slow'; $(MAKE) e2e-slow
	@$(PYTHON) tests/tools/tally.py $(RESULTS)
	@$(ENVIRONMENT) report

unit: packages $(VENV)/.ready $(TREE)/.ready ## unit and property tests, and the node package on every Python found
	@$(PYTHON) -m pytest tests/unit --quiet --numprocesses $(WORKERS) --ansible-unit-inject-only \
	  --junitxml $(RESULTS)/unit-$(CORE).xml

e2e: packages $(VENV)/.ready $(TREE)/.ready $(TARBALL) ## real ansible-playbook over real SSH against simulated nodes
	@$(PYTHON) -m pytest tests/integration -m "not slow" --quiet --numprocesses $(WORKERS) --dist loadfile \
	  --ansible-unit-inject-only --junitxml $(RESULTS)/e2e-$(CORE).xml

e2e-slow: packages $(VENV)/.ready $(TREE)/.ready $(TARBALL) ## the same with a linked group of fifteen nodes
	@$(PYTHON) -m pytest tests/integration -m slow --quiet --ansible-unit-inject-only \
	  --junitxml $(RESULTS)/e2e-slow-$(CORE).xml

faults: packages $(VENV)/.ready ## every fault at every step of the swap, then random ones: ROUNDS=12 SEED=...
	@$(PYTHON) -B tests/faults/prove.py --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED)) --page docs/safety.md

faults-few: packages $(VENV)/.ready ## a smaller choice of the same, and what else happens to nodes
	@$(PYTHON) -m pytest tests/faults -m "not slow" --quiet --ansible-unit-inject-only --junitxml $(RESULTS)/faults-$(CORE).xml
	@$(PYTHON) -B tests/faults/prove.py --no-controllers --nodes 3 --every 14 --rounds 6 --seed $(or $(SEED),11)

faults-slow: packages $(VENV)/.ready ## full disks, and people who work by hand, at more moments
	@$(PYTHON) -m pytest tests/faults -m slow --quiet --numprocesses 4 --ansible-unit-inject-only

mutation: packages $(VENV)/.ready ## break the swap on purpose, in many ways; the tests must notice every one
	@$(PYTHON) -B tests/faults/mutation.py

bench: packages $(VENV)/.ready $(DRAW)/.ready $(TARBALL) ## time, CPU and memory, next to a playbook of plain commands: NODES=60 GROUPS=12
	@$(PYTHON) -B tests/bench/bench.py $(TARBALL) --nodes $(NODES) --groups $(GROUPS) \
	  --page docs/bench.md --plot-python $(DRAW)/bin/python $(BENCH)

sanity: $(VENV)/.ready ## ansible-test sanity, on a real copy
	@python3 tests/tools/sanity.py $(VENV)

lint: $(LINT)/.ready $(TREE)/.ready ## ansible-lint (production), yamllint, ruff, and the node package's Python 3.7 syntax
	@$(LINT)/bin/ruff check --quiet .
	@$(LINT)/bin/ruff format --quiet --check .
	@$(LINT)/bin/yamllint --strict galaxy.yml meta roles playbooks extensions changelogs/config.yaml changelogs/fragments
	@$(LINT)/bin/vermin --quiet --no-tips --violations --target=3.7- plugins/module_utils
	@PATH="$(CURDIR)/$(LINT)/bin:$$PATH" python3 tests/tools/ansible_lint.py

types: $(LINT)/.ready $(TREE)/.ready ## mypy, strict, for both halves of the product
	@cd $(TREE) && MYPYPATH=. $(CURDIR)/$(LINT)/bin/mypy --config-file $(CURDIR)/pyproject.toml \
	  $(addprefix -p ansible_collections.vcfleet.certs.plugins.,module_utils plugin_utils action inventory lookup)

docs: $(LINT)/.ready $(TREE)/.ready ## antsibull-docs lint-collection-docs
	@PATH="$(CURDIR)/$(LINT)/bin:$$PATH" antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck --validate-collection-refs=all .

changelog: $(LINT)/.ready ## antsibull-changelog lint
	@PATH="$(CURDIR)/$(LINT)/bin:$$PATH" antsibull-changelog lint

report: ## which ansible-cores and node Pythons this machine can test
	@$(ENVIRONMENT) report

##@ Make it

build: $(TARBALL) ## the collection's tarball, in build/dist
	@echo $(TARBALL)

clean: ## remove everything below build/
	@rm -rf build .mypy_cache .pytest_cache .ruff_cache .hypothesis .ansible collections

packages:
	@$(ENVIRONMENT) packages

build/venv/%/.ready: tests/requirements/%.txt tests/requirements/test.txt tests/tools/environment.py
	@$(ENVIRONMENT) venv $*

$(TREE)/.ready:
	@mkdir -p $(TREE)/ansible_collections/vcfleet && ln -sfn ../../../.. $(TREE)/ansible_collections/vcfleet/certs && touch $@

$(TARBALL): $(SOURCES) $(VENV)/.ready
	@mkdir -p $(@D) && $(VENV)/bin/ansible-galaxy collection build --force --output-path $(@D) >/dev/null
