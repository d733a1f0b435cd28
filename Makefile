# make demo    install, build, and read the digits of examples/digits
# make check   what a change must pass; make check-long: everything
PYTHON := .venv/bin/python
JOBS ?= $(shell nproc)

.PHONY: demo build check check-long deps deps-build deps-perf format perf clean

demo: deps-build
	cmake --preset release -DONDA_BUILD_TESTS=OFF --log-level=WARNING
	cmake --build --preset release --parallel $(JOBS) --target onda_command
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
