#!/usr/bin/env python3
"""Compiles every kernel with nvcc for sm_90a, compares what ptxas says of it with the committed table, and links the
kernels with the real device of providers/cuda.

    build.py [--update] [--jobs N]

A row of resources.tsv: source, kernel, registers, bytes of spills, bytes of static shared memory, threads of a block (from
__launch_bounds__, else 1024), and the share of a multiprocessor's 64 warps that can be resident at once as far as these
allow. A kernel whose row differs, or that spills more than there, fails. Rows are those of one nvcc: with another, only
spills count. Nothing runs on a GPU. Exit code 77 where there is no nvcc.
"""

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_name("resources.tsv")
BUILD = ROOT / "build" / "cuda_objects"
# The provider's libraries, and in a folder below a loader that asks for a library that is nowhere.
LIBRARIES = ROOT / "build" / "cuda_library"
HEADER = ["source", "kernel", "registers", "spills", "shared", "threads", "occupancy"]


def find_nvcc():
    candidates = [os.environ.get("CUDA_HOME", ""), "/usr/local/cuda",
                  *map(str, (ROOT / ".venv").glob("lib/python3*/site-packages/nvidia/cu13"))]
    for home in candidates:
        if home and (Path(home) / "bin" / "nvcc").exists():
            return Path(home)
    return None


def version(home):
    text = subprocess.run([home / "bin" / "nvcc", "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"V(\d+\.\d+\.\d+)", text)[1]


def compile_source(home, source):
    """nvcc's messages and the PTX of one source; kept while nothing that it includes changes."""
    folder = BUILD / str(source).replace("/", "_")
    log, depend = folder / "log.txt", folder / "depend.d"
    if log.exists() and depend.exists():
        needed = re.sub(r"\\\n", " ", depend.read_text()).split(":", 1)[1].split()
        if all(Path(ROOT, n).exists() and Path(ROOT, n).stat().st_mtime <= log.stat().st_mtime for n in needed):
            return log.read_text(), next(folder.glob("*.ptx")).read_text()
    folder.mkdir(parents=True, exist_ok=True)
    result = subprocess.run(
        [home / "bin" / "nvcc", "-std=c++20", "-O3", "-gencode=arch=compute_90a,code=sm_90a", "-I.", "-Iinclude",
         f"-I{home / 'include'}", "-Xcompiler=-fPIC,-Wall,-Werror", "-Werror=all-warnings", "-Xptxas=-v", "-MD", "-MF",
         depend, "--keep", "--keep-dir", folder, "-c", source, "-o", folder / "object.o"], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if result.returncode != 0:
        raise SystemExit(f"{source}: nvcc failed\n{result.stdout}")
    log.write_text(result.stdout)
    for kept in folder.iterdir():
        if kept.suffix not in (".ptx", ".txt", ".d", ".o"):
            kept.unlink()
    return result.stdout, next(folder.glob("*.ptx")).read_text()


def demangle(names):
    text = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True).stdout
    plain = []
    for name in text.splitlines():
        name = name.replace("(anonymous namespace)::", "").replace("onda::", "").replace("cuda::", "")
        name = re.sub(r"_GLOBAL__N__\w+::", "", name)
        depth, end = 0, len(name)
        for i, c in enumerate(name):
            depth += (c == "<") - (c == ">")
            if c == "(" and depth == 0:
                end = i
                break
        plain.append(re.sub(r"^void ", "", name[:end]))
    return plain


def occupancy(registers, shared, threads):
    """Of an H100: 65,536 registers given in units of 256 a warp, 228 KiB of shared memory, 32 blocks, 64 warps."""
    warps = -(-threads // 32)
    registers_of_warp = -(-registers * 32 // 256) * 256
    blocks = min(65536 // (registers_of_warp * warps), 233472 // (shared + 1024), 32, 64 // warps)
    return f"{blocks * warps / 64:.2f}"


def rows_of(home, source):
    log, ptx = compile_source(home, source)
    threads = {}
    for entry in re.finditer(r"\.entry (\w+)\([^)]*\)([^{]*)\{", ptx):
        bound = re.search(r"\.maxntid (\d+)", entry[2])
        threads[entry[1]] = int(bound[1]) if bound else 1024
    found = re.findall(r"Compiling entry function '(\w+)' for '\w+'\n.*?(\d+) bytes spill stores, (\d+) bytes spill loads\n"
                       r".*?Used (\d+) registers([^\n]*)", log, re.DOTALL)
    names = demangle([f[0] for f in found])
    rows = []
    for name, (mangled, stores, loads, registers, rest) in zip(names, found):
        shared = re.search(r"(\d+) bytes smem", rest)
        shared = int(shared[1]) if shared else 0
        rows.append([str(source), name, registers, str(int(stores) + int(loads)), str(shared), str(threads[mangled]),
                     occupancy(int(registers), shared, threads[mangled])])
    return rows


def link(home, kernels, jobs):
    """The provider's libraries, of all kernels and the device over CUDA's libraries; problems as text."""
    roots = [home, home.parent / "cudnn"]
    includes = [f"-isystem{root / 'include'}" for root in roots]
    provider = Path("providers") / "cuda"
    sources = sorted(p.relative_to(ROOT) for p in (ROOT / provider).glob("*.cpp"))
    # What kernels need of their families besides their own file.
    sources += [Path(line) for line in (ROOT / "kernels" / "cuda_sources.txt").read_text().split()]
    loader = [provider / "loader" / name for name in ("loader.cpp", "machine.cpp")]
    flags = ["-std=c++20", "-O2", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror", "-I.", "-Iinclude", *includes]

    def run(command):
        result = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return f"{command[-1]}: {result.stdout[-2000:]}" if result.returncode != 0 else ""

    def compile_host(source):
        return run(["g++", *flags, "-c", source, "-o", BUILD / (str(source).replace("/", "_") + ".o")])

    with ThreadPoolExecutor(jobs) as pool:
        problems = [p for p in pool.map(compile_host, sources) if p]
    if problems:
        return problems
    libraries = []
    for name in ("cudart_static", "cublasLt", "cudnn", "nvrtc"):
        found = [p for root in roots for p in sorted((root / "lib").glob(f"lib{name}.*")) if ".alt." not in p.name]
        if not found:
            return [f"lib{name} is not in {home}/lib"]
        libraries.append(found[-1])
    objects = [BUILD / str(s).replace("/", "_") / "object.o" for s in kernels]
    objects += [BUILD / (str(s).replace("/", "_") + ".o") for s in sources]
    lacking = LIBRARIES / "lacking"
    lacking.mkdir(parents=True, exist_ok=True)
    # CUDA's libraries may lie where no loader looks, as those of PyPI's packages do.
    paths = [f"-Wl,-rpath,{folder}" for folder in sorted({str(Path(library).parent) for library in libraries})]
    shared = ["g++", "-shared", *paths, "-Wl,--no-undefined", "-Wl,--exclude-libs,ALL", "-Wl,--version-script=cmake/provider.map"]
    end = ["-lpthread", "-ldl", "-lrt", "-o"]
    return [p for p in (
        run([*shared, *objects, *libraries, f"-Wl,-rpath-link,{home / 'lib'}", "-lhwy", *end, LIBRARIES / "libonda_cuda.so"]),
        run([*shared, *flags, *loader, *end, LIBRARIES / "libonda_provider_cuda.so"]),
        run([*shared, *flags, '-DONDA_TEST_NEEDED="libnowhere.so.9"', *loader, *end, lacking / "libonda_provider_cuda.so"]),
    ) if p]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    home = find_nvcc()
    if not home:
        print("no nvcc: kernels are not compiled for a GPU")
        sys.exit(77)
    sources = sorted(p.relative_to(ROOT) for p in (ROOT / "kernels").glob("*/cuda*.cu"))
    with ThreadPoolExecutor(arguments.jobs) as pool:
        rows = [row for part in pool.map(lambda s: rows_of(home, s), sources) for row in sorted(part)]
    mine = version(home)
    too_many = [f"{row[1]} in {row[0]}: {row[2]} registers for each of {row[5]} threads, which no launch can have"
                for row in rows if row[6] == "0.00"]
    if arguments.update:
        lines = [f"# nvcc {mine}, sm_90a; made by build.py --update, compared by it. No kernel has run on a GPU.",
                 "\t".join(HEADER), *("\t".join(row) for row in rows)]
        TABLE.write_text("\n".join(lines) + "\n")
    lines = TABLE.read_text().splitlines()
    theirs = re.search(r"nvcc (\S+),", lines[0])[1]
    committed = {tuple(line.split("\t")[:2]): line.split("\t") for line in lines[2:]}
    problems = too_many + [f"{row[1]} in {row[0]} spills {row[3]} bytes" for row in rows
                if int(row[3]) > int(committed.get(tuple(row[:2]), [0] * 7)[3])]
    if mine == theirs:
        for row in rows:
            old = committed.pop(tuple(row[:2]), None)
            if old != row:
                problems.append(f"{row[1]} in {row[0]}: {dict(zip(HEADER[2:], row[2:]))}, in the table "
                                f"{dict(zip(HEADER[2:], old[2:])) if old else 'missing'}")
        problems += [f"{kernel} in {source} is in the table and no longer compiled" for source, kernel in committed]
    else:
        print(f"nvcc {mine} here, {theirs} in the table: only spills are looked at")
    problems += link(home, sources, arguments.jobs)
    for problem in problems:
        print(problem)
    print(f"{len(rows)} kernels of {len(sources)} sources compiled for sm_90a")
    print(f"{len(rows) + 1 - len(problems)} passed, {len(problems)} failed")
    sys.exit(1 if problems or not rows else 0)


if __name__ == "__main__":
    main()
