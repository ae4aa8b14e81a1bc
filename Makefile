# SPDX-License-Identifier: GPL-3.0-or-later
# What a user types. `make` alone prints it: the lines with two hashes.

LAB ?= swarm
PYTHON ?= python3
export PYTHON

BIN := .venv/bin
PLAY = $(BIN)/ansible-playbook -i inventory/$(LAB)
LABS := $(sort $(patsubst inventory/%/hosts.yml,%,$(wildcard inventory/*/hosts.yml)))
SCENARIOS := $(sort $(patsubst molecule/%/molecule.yml,%,$(wildcard molecule/*/molecule.yml)))

MAKEFLAGS += --no-print-directory --no-builtin-rules
.PHONY: help single_host compose multi_host swarm add_node remove_node rolling_restart verify status down test lint unit integration molecule tutorial mutate faults bench python engine tests lab judged

help:
	@[ ! -t 1 ] || { on=$$(tput bold; tput setaf 6); off=$$(tput sgr0); } 2>/dev/null; \
	awk -v on="$$on" -v off="$$off" -F ' *## ' \
		'/^## / { print (++n > 1 ? "\n" : "") $$2 } /^[a-z_]+:.*## / { sub(/:.*/, "", $$1); \
		printf "  %smake %-15s%s %s\n", on, $$1, off, $$2 }' $(firstword $(MAKEFILE_LIST))

## Labs: each is built, verified and drawn (LAB_SUBNET=192.168.123.0/24 where you want another subnet)
single_host: lab ## networks of one engine, told in stages; STAGE=2 stops after the second
compose: lab ## a Compose project, and what its file promises
multi_host: lab ## engines that share a cluster store; STORE=consul, etcd, or zk (networks only)
swarm: lab ## a Swarm on two nodes; SWARM_FLAVOUR=classic or mode
single_host: LAB = single_host
compose: LAB = compose
multi_host: LAB = multi_host
single_host compose multi_host swarm:
	@scripts/setup
	@$(PLAY) playbooks/$@.yml

## A lab that is there (LAB=swarm, or another)

# make exits with 2 whatever a recipe exits with, and with 1 only in question mode (-q), to say that a target is not up
# to date. So `make verify` runs in that mode: a line with + runs all the same, and one without makes it exit with 1.
verify: judged ## ask every name and path again, NETWORK=/CONTAINER= those of a part; exits 0 all correct, 1 wrong, 2 no answer
	$(if $(filter 1,$(file <.venv/.status)),@false)
	$(if $(filter 0 1,$(file <.venv/.status)),,+@exit 2)
# A target of its own, since make expands all lines of a recipe before it runs the first.
judged: lab
	+@scripts/setup python
	+@scripts/verify $(LAB); echo $$? >.venv/.status
ifeq ($(MAKECMDGOALS),verify)
MAKEFLAGS += -q
endif

add_node: lab ## NODE=swl-demo2 joins the running lab; no other node is touched
remove_node: lab ## NODE=swl-demo2 leaves it again, dead or alive
rolling_restart: lab ## Consul, engines and managers, one machine after the other; WHAT=consul,engines some of these
add_node remove_node rolling_restart:
	@scripts/setup python
	@$(PLAY) playbooks/$@.yml

status: lab ## what is there: nodes, networks, containers; changes nothing
	@scripts/setup python
	@$(PLAY) playbooks/status.yml

down: lab ## remove the lab: nodes with their volumes, network, docker contexts; nothing else
	@test -x $(BIN)/ansible-playbook || { echo "Nothing was set up here (no .venv), so there is no lab to remove."; exit 1; }
	@$(PLAY) playbooks/down.yml

## This checkout
test: lint unit integration molecule mutate tutorial ## all of the following: what CI runs

lint: python ## ruff, mypy, yamllint, ansible-lint, and roles' defaults against their documentation
	$(BIN)/ruff check plugins tests scripts molecule
	$(BIN)/ruff format --check plugins tests scripts molecule
	MYPYPATH=.collections $(BIN)/mypy --package ansible_collections.dockernet.lab.plugins
	MYPYPATH=.collections:tests/integration:tests/mutation:tests/faults $(BIN)/mypy --allow-untyped-defs --allow-incomplete-defs --allow-untyped-calls tests scripts
	$(BIN)/yamllint .
	$(BIN)/python scripts/check_argument_specs.py
	PATH="$(CURDIR)/$(BIN):$$PATH" ansible-lint -q

unit: python ## the core, without Docker
	$(BIN)/pytest tests/unit

integration: python engine tests ## modules and bad input, on this machine's engine
	$(BIN)/pytest -rs tests/integration

molecule: python engine ## each scenario on real engines, with testinfra as the second opinion
	@mkdir -p reports; rm -f reports/not_tested.txt
	@set -e; for scenario in $(SCENARIOS); do \
		echo "molecule test --scenario-name $$scenario"; \
		PATH="$(CURDIR)/$(BIN):$$PATH" ANSIBLE_CONFIG="$(CURDIR)/ansible.cfg" molecule test --scenario-name $$scenario; \
	done
	@cat reports/not_tested.txt 2>/dev/null || echo "Every scenario was tested as a whole."

# QUICK is what every test run breaks; all of it takes a quarter of an hour.
mutate: QUICK = $(if $(filter mutate,$(MAKECMDGOALS)),--untouched 50,--quick --untouched 2)
mutate: python engine ## labs broken in each way of tests/mutation/table.py: what the verification says of it
	@$(BIN)/python tests/mutation/mutate.py $(QUICK)

faults: python engine ## a cluster without a single point of failure, and all that fails in tests/faults/fault_table.py
	@$(BIN)/python tests/faults/faults.py

tutorial: python engine ## what docs/tutorial.md shows is what its commands print
	@$(BIN)/python tests/tutorial/tutorial.py

bench: python engine ## what docs/benchmarks.md tells: building a lab, verifying 10,404 pairs, judging 10,000 containers
	@failed=0; for part in bench matrix judge; do $(BIN)/python tests/bench/$$part.py || failed=1; done; exit $$failed

python engine tests:
	@scripts/setup $@

lab:
	+@test -e inventory/$(LAB)/hosts.yml || { echo "There is no lab '$(LAB)'; there is: $(LABS)." >&2; exit 2; }
