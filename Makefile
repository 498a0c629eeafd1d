# SPDX-License-Identifier: BSD-3-Clause
#
# `make help` lists the targets. All but help and clean first install what the machine lacks (bootstrap.sh).

BOARDS ?= $(or $(BOARD),qemu-virt qemu-virt-linux qemu-virt-direct)
BIN := .venv/bin
COVERED := HIL_COVERAGE_ROOT=$(CURDIR) $(BIN)/coverage run --rcfile=$(CURDIR)/pyproject.toml
DIST := dist
C_FILES = $(shell git ls-files 'firmware/*.[ch]' 'tests/*.[ch]' 'examples/*.[ch]')
C_FOLDERS := firmware/service firmware/platform firmware/engine/src firmware/engine/libc firmware/monitor firmware/guest firmware/baremetal firmware/linux/vmm firmware/linux/acpi firmware/linux/virtio firmware/linux/bench firmware/linux/runner firmware/linux/commands
SHELL := /bin/bash

.PHONY: help run test test-next bench lint build docs dist mutants hooks setup clean
.DEFAULT_GOAL := run

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo 'BOARD=NAME is the only board of run and test, and the board of bench; BOARDS="NAME NAME" are several.'
	@echo 'BOARDS=qemu-virt leaves Linux out. Default: $(BOARDS). Default target: $(.DEFAULT_GOAL).'

setup: ## install what this machine lacks; every other target does so by itself
	@./bootstrap.sh

run: setup ## build firmware and Linux host, run the suites on BOARDS, write reports/latest
	@$(BIN)/hil run $(BOARDS:%=--board %)

# gdb is there for its tests, which are skipped without it. All parts run, whatever fails; the last lines say how each
# ended. Tests of the framework run side by side, those on the emulator one after the other. The weight is that of the
# suites on BOARDS, so it is looked at before another run.
test: setup build ## run everything that can fail: host C tests, tests of the framework, suites on BOARDS
	@mkdir -p build/logs; $(BIN)/hil doctor --fix --with debugger >build/logs/doctor.log || { cat build/logs/doctor.log; exit 2; }
	@set -o pipefail; status=0; rm -rf build/python-coverage; mkdir -p build/logs build/python-coverage; \
	$(COVERED) -m pytest tests -n 3 --dist loadfile --durations=10 | tee build/logs/framework.log || status=$$?; \
	$(COVERED) -m hil run --no-build $(BOARDS:%=--board %) | tee build/logs/suites.log || status=$$?; \
	$(BIN)/python -m tools.weight | tee build/logs/weight.log || status=$$?; \
	$(COVERED) -m hil run --no-build --board qemu-virt-sve suites/boot suites/isolation | tee build/logs/vectors.log || status=$$?; \
	$(BIN)/python -m tools.covered | tee build/logs/covered.log || status=$$?; \
	grep -ahE '^(FAILED|ERROR) |^[0-9]+ of [0-9]+ tests ran on the emulator|^=+ .* in [0-9.]+s|^board .* firmware|^[0-9]+ boards: |^lines of |^weight: ' \
		build/logs/framework.log build/logs/suites.log build/logs/vectors.log build/logs/covered.log build/logs/weight.log; exit $$status

test-next: setup ## run the tests around pytest, labgrid and paramiko with the next versions of these; NEXT="pytest==8.4.2" chooses
	@$(BIN)/python -m tools.nextversions $(NEXT:%=--version '%')

bench: setup build ## measure, side by side with plain labgrid and the raw socket
	@$(BIN)/hil bench $(BOARD:%=--board %)

build: setup ## build the firmware only
	@$(BIN)/hil build

docs: setup ## build the documentation site in build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

dist: setup ## build a wheel and an sdist in dist/, to install hil elsewhere
	@mkdir -p build && rm -rf $(DIST) && $(BIN)/python -m build --no-isolation --outdir $(DIST) . >build/dist.log || { cat build/dist.log; exit 1; }
	@ls $(DIST)/*

mutants: setup ## break the project on purpose and count what notices; ONLY="S21 S24" or a list chooses
	@$(BIN)/python -m tools.mutants $(if $(ONLY),--only "$(ONLY)")

lint: setup ## run formatters, linters, the type checker and the contract of the layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy hil tools tests suites examples
	$(BIN)/oxlint --deny-warnings hil tools
	$(BIN)/python -m tools.words
	clang-format-14 --style=file:firmware/.clang-format --dry-run -Werror $(C_FILES)
	@mkdir -p build/cppcheck
	cppcheck --quiet --std=c11 --error-exitcode=1 --enable=warning,portability,performance --inline-suppr -j 2 \
		--cppcheck-build-dir=build/cppcheck --suppress=comparePointers \
		-Ifirmware/service/include -Ifirmware/engine/include $(C_FOLDERS)

hooks: setup ## install the git hooks of .pre-commit-config.yaml
	@$(BIN)/prek install

clean: ## remove what was built here; downloads stay in the cache
	rm -rf build dist
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
