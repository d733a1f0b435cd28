// NumPy's files: .npy (one array) and .npz (a zip archive of them).
//
// Arrays may be little- or big-endian, in C or Fortran order. Element types that NumPy has no name for are converted:
// half-precision and smaller floats that are not float16 are written as float32, integers below 8 bits as 8-bit ones.
// Strings are written as Unicode; bytes and Unicode are read.
#ifndef ONDA_CLI_DATA_NPY_H_
#define ONDA_CLI_DATA_NPY_H_

#include <string>
#include <utility>
#include <vector>

#include "cli/data/data.h"

namespace onda::cli {

// Throw Error: kNotFound, kInvalidArgument for what is malformed or of an element type that ONNX does not have.
Data ReadNpy(const std::string& path);
std::vector<std::pair<std::string, Data>> ReadNpz(const std::string& path);

void WriteNpy(const std::string& path, const Data& tensor);

}  // namespace onda::cli

#endif  // ONDA_CLI_DATA_NPY_H_
