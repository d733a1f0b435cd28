# make demo    install, build, and read the digits of examples/digits
# make check   what a change must pass; make check-long: everything
PYTHON := .venv/bin/python
JOBS ?= $(shell nproc)
# The CUDA provider is built where there is a GPU for it and a CUDA toolkit, or the compiler's wheels.
GPU := $(wildcard /proc/driver/nvidia/version /dev/nvidiactl)
NVCC := $(wildcard $(CUDA_HOME)/bin/nvcc /usr/local/cuda/bin/nvcc .venv/lib/python3*/site-packages/nvidia/cu13/bin/nvcc)
CUDA := $(if $(GPU),$(if $(NVCC),-DONDA_CUDA=ON))

.PHONY: demo build check check-long deps deps-build deps-perf format perf clean

demo: deps-build
	cmake --preset release -DONDA_BUILD_TESTS=OFF $(CUDA) --log-level=WARNING
	cmake --build --preset release --parallel $(JOBS) --target onda_command $(if $(CUDA),onda_provider_cuda onda_cuda)
	python3 examples/digits/demo.py build/release/cli/onda

build: deps-build
	cmake --preset release --log-level=WARNING
	cmake --build --preset release --parallel $(JOBS)

check: deps
	python3 tools/check.py --jobs $(JOBS)

check-long: deps
	python3 tools/check.py --jobs $(JOBS) --long

perf: deps-perf
	cmake --preset release --log-level=WARNING
	cmake --build --preset release --parallel $(JOBS)
	$(PYTHON) perf/compare.py

deps:
	tools/deps.sh check

deps-build:
	tools/deps.sh build

deps-perf:
	tools/deps.sh perf

format:
	git ls-files '*.cpp' '*.h' '*.cu' '*.inc.h' | xargs clang-format-16 -i

clean:
	rm -rf build
