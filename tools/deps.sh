#!/usr/bin/env bash
# Installs what Onda needs on Debian 12, as root or with sudo. What is there already is left alone.
#   deps.sh build    compilers and libraries
#   deps.sh check    also test tools, fonts, speech, and the virtual environment .venv from requirements.txt
#   deps.sh perf     also the peers of perf/requirements.txt
set -eu
cd "$(dirname "$0")/.."
what=${1:-check}

build_packages="python3 g++ cmake ninja-build ccache mold pkg-config protobuf-compiler libprotobuf-dev libhwy-dev libspdlog-dev libre2-dev
  libpng-dev libjpeg62-turbo-dev libtiff-dev libwebp-dev libopenjp2-7-dev nlohmann-json3-dev libcli11-dev"
check_packages="libgtest-dev clang-16 libclang-rt-16-dev binutils clang-format-16 clang-tidy-16 python3-venv xz-utils espeak-ng fonts-dejavu-core"

case $what in
  build) packages=$build_packages ;;
  check | perf) packages="$build_packages $check_packages" ;;
  *) echo "usage: $0 build|check|perf" >&2; exit 2 ;;
esac

missing=
for package in $packages; do
  dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
if [ -n "$missing" ]; then
  root=
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "run as root, or install sudo; needed:$missing" >&2; exit 1; }
    root=sudo
  fi
  echo "installing:$missing"
  $root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  # shellcheck disable=SC2086
  $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

[ "$what" = build ] && exit 0
requirements="-r requirements.txt"
[ "$what" = perf ] && requirements="$requirements -r perf/requirements.txt"
stamp=.venv/installed-$what.txt
wanted=$(cat requirements.txt perf/requirements.txt)
if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$wanted" ]; then
  echo "installing Python packages into .venv"
  [ -x .venv/bin/python ] || python3 -m venv .venv
  # shellcheck disable=SC2086
  .venv/bin/python -m pip install -q --disable-pip-version-check --only-binary :all: $requirements
  echo "$wanted" >"$stamp"
fi

# The CUDA kernels are compiled, not run: without a toolkit its compiler and libraries come from PyPI.
if [ ! -x "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" ] && ! ls .venv/lib/python3*/site-packages/nvidia/cu13/bin/nvcc >/dev/null 2>&1; then
  echo "installing the CUDA compiler and libraries into .venv"
  .venv/bin/python -m pip install -q --disable-pip-version-check --only-binary :all: -r tests/cuda/requirements.txt
fi
