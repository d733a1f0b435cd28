#!/usr/bin/env bash
# clang-tidy over the sources of a configured build: tidy.sh BUILD_FOLDER JOBS [all]
# Without `all`, the vectorised kernels are left out: each is compiled several times from one source and takes long.
set -eu
cd "$(dirname "$0")/.."
build=$1 jobs=$2 code=0
files=$(git ls-files 'core/*.cpp' 'proto/*.cpp' 'providers/*.cpp' 'cli/*.cpp' 'kernels/*.cpp')
[ "${3:-}" = all ] || files=$(printf '%s\n' "$files" | xargs grep -L 'hwy/foreach_target.h')
printf '%s\n' "$files" | xargs -P "$jobs" -n 8 clang-tidy-16 -p "$build" --quiet 2>/dev/null || code=$?
echo "$(printf '%s\n' "$files" | wc -l) files looked at"
exit "$code"
