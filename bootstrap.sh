#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Makes this checkout ready on a machine that has only git and make: Debian packages, Python packages in .venv, and
# what `hil doctor` finds missing. Does nothing, in no time, when all that was done for this version of the checkout.
set -eu
cd "$(dirname "$0")"

wanted=$(cat bootstrap.sh requirements.lock pyproject.toml hil/operations/doctor/*.py | sha256sum)
if [ "$(cat .venv/ready 2>/dev/null || true)" = "$wanted" ]; then
	exit 0
fi

say() {
	printf 'setup: %s\n' "$*" >&2
}

fail() {
	say "$*"
	exit 2
}

# make takes a blank for the end of a name, and misreads other characters (see unbuildable in hil/paths.py). Nothing else
# is worth doing before that is known.
case $PWD in
*[[:space:]]*) fail "make cannot build in '$PWD', whose name has a blank: move the checkout" ;;
*[]\"#\$%\&\'\(\)*,:\;\<=\>?[\\\`{\|}]*) fail "make cannot build in '$PWD': move the checkout to plain letters and digits" ;;
esac

install_debian_packages() {
	missing=
	for package in "$@"; do
		if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" != installed ]; then
			missing="$missing $package"
		fi
	done
	if [ -z "$missing" ]; then
		return
	fi
	sudo=
	if [ "$(id -u)" != 0 ]; then
		sudo=sudo
		command -v sudo >/dev/null ||
			fail "this takes root, and sudo is not here. As root: apt-get update && apt-get install$missing"
	fi
	say "installing$missing"
	# shellcheck disable=SC2086 # no word, or one a package
	{
		$sudo apt-get -qq update
		$sudo env DEBIAN_FRONTEND=noninteractive \
			apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends $missing >/dev/null
	}
}

# Debian's own Python first: it fits Debian's own headers, which python3-dev brings.
find_python() {
	for python in /usr/bin/python3 python3 python3.13 python3.12 python3.11; do
		if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
			echo "$python"
			return
		fi
	done
	fail "no Python 3.11 or later with venv: on Debian 12 or later, apt-get install python3 python3-venv"
}

# What the Python packages need that have no ready-made wheel (tpm2-pytss), and Python itself.
if command -v dpkg-query >/dev/null; then
	install_debian_packages python3 python3-venv python3-dev gcc libc6-dev pkg-config libtss2-dev ca-certificates
fi
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
	python=$(find_python)
	say "making .venv with $($python --version)"
	rm -rf .venv
	"$python" -m venv .venv
fi
say "installing Python packages"
.venv/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes -r requirements.lock
.venv/bin/python -m pip --quiet --disable-pip-version-check install --no-deps --no-build-isolation -e .
rm -rf hil.egg-info # of a version before 0.2, whose pytest plugin had another name
say "checking the machine"
.venv/bin/python -m hil.operations.doctor --fix >&2
echo "$wanted" >.venv/ready
