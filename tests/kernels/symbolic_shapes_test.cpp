// Shapes of the outputs of resizing, sampling, recurrent and signal operators where dimensions are symbols, in several
// operator versions, and what these operators refuse when the model is compiled.
#include <gtest/gtest.h>

#include <string>

#include "core/session.h"
#include "core/text/parse.h"

namespace onda {
namespace {

std::string FactOf(int opset, const std::string& graph) {
  const std::string header = "<ir_version: 8, opset_import: [\"\" : " + std::to_string(opset) + "]> g ";
  const InferenceSession session(ParseModel(header + graph), {});
  return session.outputs().at(0).fact.ToString();
}

std::string Refused(int opset, const std::string& graph) {
  try {
    FactOf(opset, graph);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

#define EXPECT_CONTAINS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(SymbolicShapes, Resize) {
  EXPECT_EQ(FactOf(13,
                   "(float[n, 3, h, w] x) => (float[a, b, c, d] y) <float[4] s = {1.0, 1.0, 2.0, 0.5}>"
                   "{ y = Resize(x, , s) }"),
            "float[n, 3, 2*h, floordiv(w, 2)]");
  EXPECT_EQ(FactOf(11,
                   "(float[n, 3, h, w] x, float[8] r) => (float[a, b, c, d] y)"
                   "<float[0] s = {}, int64[4] t = {1, 3, 20, 30}> { y = Resize(x, r, s, t) }"),
            "float[1, 3, 20, 30]");
  EXPECT_EQ(
      FactOf(18,
             "(float[n, 3, h, w] x, float[1, 1, p, q] like) => (float[a, b, c, d] y) <int64[1] two = {2},"
             "int64[1] four = {4}> { s = Shape(like) t = Slice(s, two, four) y = Resize<axes = [2, 3]>(x, , , t) }"),
      "float[n, 3, p, q]");
  EXPECT_EQ(FactOf(18,
                   "(float[1, 1, 12, 18] x) => (float[a, b, c, d] y) <int64[2] t = {5, 9}>"
                   "{ y = Resize<axes = [2, 3], keep_aspect_ratio_policy = \"not_larger\">(x, , , t) }"),
            "float[1, 1, 5, 8]");
  // 10 * 0.7f is 7 in single precision.
  EXPECT_EQ(FactOf(13, "(float[10] x) => (float[a] y) <float[1] s = {0.7}> { y = Resize(x, , s) }"), "float[7]");
}

TEST(SymbolicShapes, UpsampleInAllVersions) {
  EXPECT_EQ(FactOf(1,
                   "(float[n, c, h, w] x) => (float[a, b, d, e] y) { y = Upsample<height_scale = 2.0, width_scale = "
                   "3.0, mode = \"bilinear\">(x) }"),
            "float[n, c, 2*h, 3*w]");
  EXPECT_EQ(
      FactOf(7, "(float[n, c, h, w] x) => (float[a, b, d, e] y) { y = Upsample<scales = [1.0, 1.0, 2.0, 1.5]>(x) }"),
      "float[n, c, 2*h, floordiv(3*w, 2)]");
  EXPECT_EQ(FactOf(9, "(float[n, c] x) => (float[a, b] y) <float[2] s = {1.0, 2.0}> { y = Upsample(x, s) }"),
            "float[n, 2*c]");
}

TEST(SymbolicShapes, ResizeRefuses) {
  EXPECT_CONTAINS(Refused(13, "(float[4] x) => (float[a] y) { y = Resize(x) }"), "neither scales nor sizes");
  EXPECT_CONTAINS(Refused(13, "(float[4] x) => (float[a] y) <float[1] s = {-1.0}> { y = Resize(x, , s) }"),
                  "scales must be positive");
  EXPECT_CONTAINS(Refused(13, "(float[4] x) => (float[a] y) <float[2] s = {1.0, 1.0}> { y = Resize(x, , s) }"),
                  "scales has 2 elements where 1 are needed");
  EXPECT_CONTAINS(Refused(13,
                          "(float[4] x) => (float[a] y) <float[1] s = {1.0}, int64[1] t = {2}>"
                          "{ y = Resize(x, , s, t) }"),
                  "both scales and sizes");
  EXPECT_CONTAINS(
      Refused(13, "(float[4] x) => (float[a] y) <float[1] s = {2.0}> { y = Resize<mode = \"area\">(x, , s) }"),
      "unknown mode 'area'");
  EXPECT_CONTAINS(Refused(18,
                          "(float[4, 4] x) => (float[a, b] y) <float[2] s = {2.0, 2.0}>"
                          "{ y = Resize<axes = [1, -1]>(x, , s) }"),
                  "twice");
}

TEST(SymbolicShapes, Recurrent) {
  const std::string weights = "float[2, 40, 7] w, float[2, 40, 10] r";
  EXPECT_EQ(FactOf(14, "(float[seq, batch, 7] x, " + weights +
                           ") => (float[a, b, c, d] y) { y = LSTM<hidden_size = 10,"
                           " direction = \"bidirectional\">(x, w, r) }"),
            "float[seq, 2, batch, 10]");
  EXPECT_EQ(FactOf(14, "(float[batch, seq, 7] x, " + weights +
                           ") => (float[a, b, c] h) { y, h = LSTM<direction = "
                           "\"bidirectional\", layout = 1>(x, w, r) }"),
            "float[batch, 2, 10]");
  EXPECT_EQ(FactOf(3,
                   "(float[seq, batch, 7] x, float[1, 30, 7] w, float[1, 30, 10] r) => (float[a, b, c, d] y)"
                   "{ y = GRU<hidden_size = 10, output_sequence = 1>(x, w, r) }"),
            "float[seq, 1, batch, 10]");
}

TEST(SymbolicShapes, RecurrentRefuses) {
  const std::string head = "(float[seq, batch, 7] x, float[1, 40, 7] w, float[1, 40, 10] r) => (float[a, b, c, d] y) ";
  EXPECT_CONTAINS(Refused(14, head + "{ y = GRU<hidden_size = 10>(x, w, r) }"), "W");
  EXPECT_CONTAINS(Refused(14, head + "{ y = LSTM<hidden_size = 11>(x, w, r) }"), "hidden size");
  EXPECT_CONTAINS(Refused(14, head + "{ y = LSTM<hidden_size = 10, direction = \"back\">(x, w, r) }"), "'back'");
  EXPECT_CONTAINS(Refused(14, head + "{ y = LSTM<hidden_size = 10, activations = [\"Tanh\"]>(x, w, r) }"),
                  "activations");
  EXPECT_CONTAINS(Refused(14, head + "{ y = LSTM<activations = [\"Tanh\", \"Sine\", \"Tanh\"]>(x, w, r) }"), "'sine'");
}

TEST(SymbolicShapes, SignalAndSampling) {
  EXPECT_EQ(FactOf(17, "(float[batch, n, 1] x) => (float[a, b, c] y) { y = DFT<onesided = 1>(x) }"),
            "float[batch, floordiv(n, 2) + 1, 2]");
  EXPECT_EQ(FactOf(20, "(float[batch, n, 2] x) => (float[a, b, c] y) { y = DFT<onesided = 1, inverse = 1>(x) }"),
            "float[batch, 2*n - 2, 1]");
  EXPECT_EQ(FactOf(17,
                   "(float[batch, n, 1] x, float[400] w) => (float[a, b, c, d] y) <int64 step = {160}>"
                   "{ y = STFT(x, step, w) }"),
            "float[batch, floordiv(n - 400, 160) + 1, 201, 2]");
  EXPECT_EQ(FactOf(16,
                   "(float[n, c, h, w] x, float[n, p, q, 2] g) => (float[a, b, d, e] y)"
                   "{ y = GridSample<mode = \"bilinear\">(x, g) }"),
            "float[n, c, p, q]");
  EXPECT_EQ(FactOf(16,
                   "(float[n, c, h, w] x, float[r, 4] rois, int64[r] i) => (float[a, b, d, e] y)"
                   "{ y = RoiAlign<output_height = 7, output_width = 5>(x, rois, i) }"),
            "float[r, c, 7, 5]");
  EXPECT_EQ(FactOf(18,
                   "(float[n, k, l] x) => (float[a, b, c, d] y) <int64[2] image = {8, 9}, int64[2] block = {2, 3}>"
                   "{ y = Col2Im(x, image, block) }"),
            "float[n, floordiv(k, 6), 8, 9]");
}

}  // namespace
}  // namespace onda
