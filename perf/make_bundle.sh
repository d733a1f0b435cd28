#!/usr/bin/env bash
# Packs what perf/gpu_session.sh needs on a machine that has a GPU, CUDA's libraries, Python with numpy and PyTorch, and
# nothing else of Onda's: at most 64 MiB.
#
#   make_bundle.sh [--build FOLDER] [--out FOLDER] [--simulate] [--no-archive] [--every N]
#
# FOLDER of the build: one with the command, onda_kernel_cases and the libraries of the CUDA provider (default build/release,
# configured with -DONDA_CUDA=ON). Writes OUT (default build/bundle) and OUT.tar.xz. --simulate: with the simulated device in
# place of CUDA's. --every N: only every Nth official test.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build/release out=$root/build/bundle simulate= archive=1 every=1
while [ $# -gt 0 ]; do
  case $1 in
    --build) build=$(cd "$2" && pwd); shift ;;
    --out) out=$2; shift ;;
    --simulate) simulate=1 ;;
    --no-archive) archive= ;;
    --every) every=$2; shift ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
  shift
done
limit=$((64 << 20))
providers="libonda_provider_cuda.so libonda_cuda.so"
[ -z "$simulate" ] || providers=libonda_provider_cuda_sim.so

find_built() {
  find "$build" -name "$1" -type f -print -quit | grep . || { echo "$1 is not in $build: build it first" >&2; exit 1; }
}

[ ! -e "$out" ] || [ -f "$out/bundle.json" ] || { echo "$out is there and is no bundle" >&2; exit 1; }
rm -rf "$out"
mkdir -p "$out/bin" "$out/lib" "$out/perf"
echo '{}' >"$out/bundle.json"
out=$(cd "$out" && pwd)
onda=$(find_built onda) cases=$(find_built onda_kernel_cases) core=$(find_built 'libonda.so.*.*')
cp "$onda" "$cases" "$out/bin"
for provider in $providers; do cp "$(find_built "$provider")" "$out/lib"; done
cp "$core" "$out/lib/$(objdump -p "$core" | sed -n 's/ *SONAME *//p')"
strip "$out"/bin/* "$out/lib/libonda.so"*
# The simulator reads the names of its kernels.
[ -n "$simulate" ] || strip "$out"/lib/libonda_*cuda.so

# The libraries that these need and such a machine may lack: all but those of the C and C++ runtimes, the driver and CUDA.
for file in "$out"/bin/* "$out"/lib/*; do
  LD_LIBRARY_PATH=$out/lib ldd "$file" | awk '$2 == "=>" && $3 ~ /^\// {print $3}'
done | sort -u | while read -r path; do
  case $(basename "$path") in
    libc.so* | libm.so* | libdl.so* | librt.so* | libpthread.so* | libresolv.so* | ld-linux* | libstdc++.so* | libgcc_s.so*) ;;
    libcuda* | libcudart* | libcublas* | libcudnn* | libnvrtc* | libnvJitLink* | libonda*) ;;
    *) cp -L "$path" "$out/lib/" ;;
  esac
done

cp -r "$root/perf/gpu" "$root/perf/gpu_session.sh" "$root/perf/nsys.sh" "$root/perf/peer_process.py" "$out/perf"
rm -rf "$out/perf/gpu/__pycache__"
cp "$root/tests/conformance/not_passing.txt" "$out"

data=$root/build/conformance
[ -d "$data" ] || { echo "$data is missing: run tests/conformance/generate.py" >&2; exit 1; }
(cd "$data" && find . -name model.onnx -printf '%h\n' | sed 's#^\./##' | sort | awk "NR % $every == 0") >"$out/conformance.txt"
tar -C "$data" -cJf "$out/conformance.tar.xz" -T "$out/conformance.txt"

commit=$(git -C "$root" describe --always --dirty 2>/dev/null || echo unknown)
printf '{"onda": "%s", "built": "%s"}\n' "$commit" "$(date -u +%Y-%m-%d)" >"$out/bundle.json"

size=$(du -sb "$out" | cut -f1)
if [ -n "$archive" ]; then
  tar -C "$(dirname "$out")" -cJf "$out.tar.xz" "$(basename "$out")"
  size=$(stat -c %s "$out.tar.xz")
  echo "$out.tar.xz: $((size >> 20)) MiB"
fi
echo "$out: $(du -sm "$out" | cut -f1) MiB"
if [ "$size" -gt "$limit" ]; then
  echo "too large: at most $((limit >> 20)) MiB" >&2
  exit 1
fi
