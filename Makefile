# SPDX-License-Identifier: BSD-3-Clause
#
# make run      build firmware and Linux host, run the suites on QEMU over serial lines and SSH, write reports/latest
# make test     everything that can fail: host C tests, tests of the framework, suites on QEMU
# make bench    figures, side by side with plain labgrid and the raw socket
# make lint     formatters, linters and type checker
# make build    the firmware only
# make docs     the documentation site, in build/site
# make mutants  breaks the project on purpose and counts what notices; ONLY="S21 S24" or a list chooses
# make clean    remove what was built here; downloads stay in the cache
#
# All of them first install what the machine lacks (bootstrap.sh). BOARD=name chooses the board of bench and the only one
# of run and test, BOARDS="name name" several: BOARDS=qemu-virt leaves Linux out.

BOARDS ?= $(or $(BOARD),qemu-virt qemu-virt-linux qemu-virt-direct)
BIN := .venv/bin
C_FILES = $(shell git ls-files 'firmware/*.[ch]' 'tests/*.[ch]')
C_FOLDERS := firmware/service firmware/platform firmware/engine/src firmware/engine/libc firmware/monitor firmware/guest firmware/baremetal firmware/linux/vmm firmware/linux/acpi firmware/linux/virtio firmware/linux/bench firmware/linux/runner
SHELL := /bin/bash

.PHONY: run test bench lint build docs mutants setup clean
.DEFAULT_GOAL := run

setup:
	@./bootstrap.sh

run: setup
	@$(BIN)/hil run $(BOARDS:%=--board %)

# Both parts run, whatever fails; the last lines say how each ended.
test: setup build
	@set -o pipefail; status=0; mkdir -p build/logs; \
	$(BIN)/python -m pytest tests | tee build/logs/framework.log || status=$$?; \
	$(BIN)/hil run --no-build $(BOARDS:%=--board %) | tee build/logs/suites.log || status=$$?; \
	grep -hE '^[0-9]+ of [0-9]+ tests ran on the emulator|^=+ .* in [0-9.]+s|^board .* firmware|^[0-9]+ boards: ' \
		build/logs/framework.log build/logs/suites.log; exit $$status

bench: setup build
	@$(BIN)/hil bench $(BOARD:%=--board %)

build: setup
	@$(BIN)/hil build

docs: setup
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

mutants: setup
	@$(BIN)/python -m tools.mutants $(if $(ONLY),--only "$(ONLY)")

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy hil tools tests suites
	clang-format-14 --style=file:firmware/.clang-format --dry-run -Werror $(C_FILES)
	cppcheck --quiet --std=c11 --error-exitcode=1 --enable=warning,portability,performance --inline-suppr \
		--suppress=comparePointers -Ifirmware/service/include -Ifirmware/engine/include $(C_FOLDERS)

clean:
	rm -rf build
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
