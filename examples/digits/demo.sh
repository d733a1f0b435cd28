#!/usr/bin/env bash
# Reads the pictures of this folder with `onda run`, and shows where each node runs: demo.sh PATH_OF_ONDA
set -eu
onda=$(realpath "$1")
cd "$(dirname "$0")"
exec python3 demo.py "$onda"
