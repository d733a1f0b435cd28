// Pictures as input tensors.
//
// The declared shape says how: [N,C,H,W] or [N,H,W,C], with N left out or 1, and C = 1 (grey, ITU-R 601 luma), 3 (red,
// green, blue) or 4 (and alpha); [H,W] is grey. Dimension 1 of four (0 of three) is C where it is 1, 3 or 4, otherwise
// the last one is. A picture of another size is resized to H x W with bilinear sampling over pixel centres, averaged
// where it shrinks; where H or W is open, the picture's own size holds. Integer inputs get the values 0 to 255,
// floating- point inputs (value * scale - mean) / std, per channel, with scale 1/255, mean 0 and std 1 unless given.
#ifndef ONDA_CLI_DATA_PICTURE_H_
#define ONDA_CLI_DATA_PICTURE_H_

#include <string>
#include <vector>

#include "cli/data/data.h"

namespace onda::cli {

struct PictureOptions {
  double scale = 1.0 / 255;
  std::vector<double> mean;  // empty, one, or one per channel
  std::vector<double> std;
  bool bgr = false;  // blue first
};

// A .png or .jpeg file as a tensor of that type. Throws Error where the file is no picture or the type cannot hold one.
// `resized` tells whether the picture's size was changed.
Data ReadPicture(const std::string& path, const Type& type, const PictureOptions& options, bool* resized);

}  // namespace onda::cli

#endif  // ONDA_CLI_DATA_PICTURE_H_
