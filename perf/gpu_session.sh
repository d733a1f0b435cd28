#!/usr/bin/env bash
# Tests and measures Onda on the GPU of this machine, from the bundle that this script lies in: see gpu/session.py --help.
# ONDA_PYTHON: an interpreter with numpy and PyTorch, where python3 is not.
exec "${ONDA_PYTHON:-python3}" "$(cd "$(dirname "$0")" && pwd)/gpu/session.py" "$@"
