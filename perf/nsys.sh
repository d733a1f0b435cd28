#!/usr/bin/env bash
# Time of each node of a model on the GPU, under Nsight Systems where it is installed: see gpu/nodes.py --help.
exec "${ONDA_PYTHON:-python3}" "$(cd "$(dirname "$0")" && pwd)/gpu/nodes.py" "$@"
