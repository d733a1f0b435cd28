#!/usr/bin/env bash
# Installs a build into a scratch prefix and builds consumer/ against it, by find_package and by pkg-config, as an
# application would; also looks at the library's symbols. run.sh BUILD_FOLDER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
model=$here/../../examples/digits/digits.onnx

cmake --install "$build" --prefix "$scratch/prefix" >"$scratch/install.log" || { cat "$scratch/install.log"; exit 1; }
library=$(find "$scratch/prefix" -name libonda.so)
export LD_LIBRARY_PATH=$(dirname "$library")

cmake -S "$here/consumer" -B "$scratch/by_cmake" -DCMAKE_PREFIX_PATH="$scratch/prefix" --log-level=WARNING
cmake --build "$scratch/by_cmake" >"$scratch/build.log" || { cat "$scratch/build.log"; exit 1; }
"$scratch/by_cmake/consumer" "$model"

export PKG_CONFIG_PATH=$LD_LIBRARY_PATH/pkgconfig
# The installed prefix is not the configured one: pkg-config is told so.
flags=$(pkg-config --define-variable=prefix="$scratch/prefix" --cflags --libs onda)
# shellcheck disable=SC2086
c++ -std=c++20 "$here/consumer/consumer.cpp" -o "$scratch/by_pkg_config" $flags
"$scratch/by_pkg_config" "$model"

# The provider of examples/provider, out of tree: it takes the nodes that it can, and the results are the same.
cmake -S "$here/../../examples/provider" -B "$scratch/provider" -DCMAKE_PREFIX_PATH="$scratch/prefix" --log-level=WARNING
cmake --build "$scratch/provider" >"$scratch/build.log" || { cat "$scratch/build.log"; exit 1; }
provider=$scratch/provider/libexample_provider.so
onda=$scratch/prefix/bin/onda
"$onda" info --provider "$provider" "$model" >"$scratch/placement.txt"
grep -q "MemcpyToDevice.*libexample_provider" "$scratch/placement.txt" ||
  { cat "$scratch/placement.txt"; echo "no node went to the example provider"; exit 1; }
for folder in with without; do
  option=; [ $folder = without ] || option="--provider $provider"
  # shellcheck disable=SC2086
  "$onda" run $option --input "image=$here/../../examples/digits/images/$(ls "$here/../../examples/digits/images" | head -1)" \
    --output-dir "$scratch/$folder" "$model" >/dev/null
done
cmp "$scratch"/with/*.npy "$scratch"/without/*.npy || { echo "the example provider changes the result"; exit 1; }
# It compiles chains of pointwise nodes as one, and refuses options that it does not know.
chain=$here/../../examples/provider/chain.onnxtxt
"$onda" info --provider "$provider" "$chain" >"$scratch/regions.txt"
[ "$(grep -c 'Region .*claims [0-9]* nodes' "$scratch/regions.txt")" = 2 ] ||
  { cat "$scratch/regions.txt"; echo "the example provider's two chains are not there"; exit 1; }
"$onda" run --random -d batch=3 --provider "$provider" --output-dir "$scratch/chain_with" "$chain" >/dev/null
"$onda" run --random -d batch=3 --output-dir "$scratch/chain_without" "$chain" >/dev/null
cmp "$scratch"/chain_with/z.npy "$scratch"/chain_without/z.npy || { echo "a region changes the result"; exit 1; }

# The operators of examples/custom_op, out of tree: inference with a symbol, results, and errors that name the node.
cmake -S "$here/../../examples/custom_op" -B "$scratch/custom_op" -DCMAKE_PREFIX_PATH="$scratch/prefix" --log-level=WARNING
cmake --build "$scratch/custom_op" >"$scratch/build.log" || { cat "$scratch/build.log"; exit 1; }
ops=$scratch/custom_op/libexample_custom_op.so
framing=$here/../../examples/custom_op/model.onnxtxt
"$onda" info --custom-ops "$ops" "$framing" | grep -q 'y  float\[.*length.*,4\]' ||
  { "$onda" info --custom-ops "$ops" "$framing"; echo "the operator's shape is not worked out"; exit 1; }
"$onda" run --custom-ops "$ops" --random -d length=9 "$framing" | grep -q 'float\[3,4\]' ||
  { "$onda" run --custom-ops "$ops" --random -d length=9 "$framing"; echo "the operator's result is not there"; exit 1; }
sed 's/limit = 1.5/limt = 1.5/' "$framing" >"$scratch/wrong.onnxtxt"
if "$onda" run --custom-ops "$ops" --random -d length=9 "$scratch/wrong.onnxtxt" 2>"$scratch/error.txt"; then
  echo "an unknown attribute was taken"; exit 1
fi
grep -q "Clamp.*unknown attribute 'limt'; known are 'limit'" "$scratch/error.txt" || { cat "$scratch/error.txt"; exit 1; }

readelf -d "$library" | grep -q 'SONAME.*libonda\.so\.[0-9]' || { echo "libonda.so has no versioned SONAME"; exit 1; }
# Only Onda's own names are exported: no protobuf, no spdlog, no standard library templates.
strangers=$(nm -DC --defined-only "$library" | awk '$2 ~ /[A-Z]/ && $2 != "A"' | cut -d' ' -f3- |
  grep -vE '^(onda::|Onda|onda_|(typeinfo|typeinfo name|vtable|VTT|guard variable|construction vtable) for onda::)' | head -20 || true)
[ -z "$strangers" ] || { printf 'exported, but not ours:\n%s\n' "$strangers"; exit 1; }
echo "installed, found by find_package and pkg-config, linked and run; exports only its own names"
