// Inputs from the command line.
#ifndef ONDA_CLI_INPUTS_H_
#define ONDA_CLI_INPUTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cli/data/picture.h"
#include "cli/engine.h"

namespace onda::cli {

struct InputOptions {
  std::vector<std::string> files;       // NAME=FILE, or FILE for the only input; .npz gives all that it holds
  std::string data_set;                 // folder with input_0.pb, input_1.pb, ... in the order of the inputs
  std::vector<std::string> dimensions;  // NAME=SIZE
  bool random = false;                  // whatever is not given
  uint64_t seed = 0;
  PictureOptions picture;
};

inline constexpr char kInputHelp[] =
    "NAME=FILE, or FILE for the only input. A .npy, .npz (its array NAME, or all by name), .pb (TensorProto, "
    "SequenceProto, OptionalProto or MapProto, as the input is), .png or .jpg file";

// The sizes of symbolic dimensions. Throws kInvalidArgument where one is not NAME=SIZE.
std::map<std::string, int64_t> ParseDimensions(const std::vector<std::string>& dimensions);

// Feeds for every input without a default. Where no file is given at all, all are random, which `notes` says; notes are
// lines for standard error.
Feeds ReadInputs(const Engine& engine, const InputOptions& options, std::vector<std::string>* notes);

}  // namespace onda::cli

#endif  // ONDA_CLI_INPUTS_H_
