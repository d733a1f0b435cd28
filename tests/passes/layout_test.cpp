// Channel blocks: which convolutions get them, and that results stay the same to the last bit.
#include <gtest/gtest.h>

#include "core/passes/rules.h"
#include "core/session.h"
#include "core/text/parse.h"
#include "tests/passes/rewritten.h"

namespace onda::testing {
namespace {

// Constants of a convolution of `outputs` channels from `inputs` per group, and the node.
std::string Conv(const std::string& name, const std::string& x, int outputs, int inputs, int kernel,
                 const std::string& attributes) {
  const std::string count = std::to_string(outputs * inputs * kernel * kernel);
  return " " + name + "_s = Constant<value_ints = [" + std::to_string(outputs) + ", " + std::to_string(inputs) + ", " +
         std::to_string(kernel) + ", " + std::to_string(kernel) + "]>() " + name +
         "_n = Constant<value_int = " + count + ">() " + name + "_r = Range(zero, " + name + "_n, one) " + name +
         "_m = Mod(" + name + "_r, odd) " + name + "_c = Cast<to = 3>(" + name + "_m) " + name + "_w = Reshape(" +
         name + "_c, " + name + "_s) " + name + " = QLinearConv" + attributes + "(" + x + ", xs, xz, " + name +
         "_w, ws, wz, ys, yz)";
}

std::string Graph(const std::string& x, const std::string& y, const std::string& nodes) {
  return "g (" + x + ") => (" + y +
         ") <int64 zero = {0}, int64 one = {1}, int64 odd = {23}, float xs = {0.5}, uint8 xz = {9}, float ws = {0.25}, "
         "int8 wz = {0}, float ys = {4.0}, uint8 yz = {3}> {" +
         nodes + " }";
}

TEST(BlockChannels, ChainOfConvolutions) {
  const std::string nodes = Conv("a", "x", 8, 3, 3, "<pads = [1,1,1,1], strides = [2,2]>") +
                            Conv("b", "a", 8, 1, 3, "<pads = [1,1,1,1], group = 8>") + Conv("y", "b", 12, 8, 1, "");
  const std::string text = Rewritten({Graph("uint8[1,3,20,22] x", "uint8[1,12,10,11] y", nodes)});
  if (text.find("Blocked") == std::string::npos) GTEST_SKIP() << "no kernel for blocks on this machine";
  EXPECT_EQ(text,
            "BlockedQLinearConv<pads=1,1,1,1 strides=2,2 y_block=4> "
            "BlockedQLinearConv<pads=1,1,1,1 group=8 x_block=4 y_block=4> "
            "BlockedQLinearConv<x_block=4 y_block=4> Reorder<from=4>");
}

// One convolution alone gains nothing, and neither does one whose channels are no whole blocks.
TEST(BlockChannels, NotWhereNothingIsSaved) {
  EXPECT_EQ(Rewritten({Graph("uint8[1,8,9,9] x", "uint8[1,8,9,9] y", Conv("y", "x", 8, 8, 1, ""))}), "QLinearConv");
  EXPECT_EQ(Rewritten({Graph("uint8[1,8,9,9] x", "uint8[1,6,9,9] y",
                             Conv("a", "x", 6, 8, 1, "") + Conv("y", "a", 6, 6, 1, ""))}),
            "QLinearConv QLinearConv");
}

// A result that others read row-major too is reordered once.
TEST(BlockChannels, SeveralReaders) {
  const std::string nodes = Conv("a", "x", 8, 4, 1, "") + Conv("y", "a", 8, 8, 1, "") +
                            Conv("v", "a", 8, 8, 3, "<pads = [1,1,1,1]>") + " z = Flatten(a) u = Reshape(z, minus)" +
                            " t = Identity(u)";
  std::string graph = Graph("uint8[1,4,9,9] x", "uint8[1,8,9,9] y, uint8[1,8,9,9] v, uint8[648] t", nodes);
  graph.replace(graph.find("int64 zero"), 10, "int64[1] minus = {-1}, int64 zero");
  const std::string text = Rewritten({graph});
  if (text.find("Blocked") == std::string::npos) GTEST_SKIP() << "no kernel for blocks on this machine";
  EXPECT_EQ(text,
            "BlockedQLinearConv<y_block=4> Reorder<from=4> BlockedQLinearConv<x_block=4 y_block=4> Reorder<from=4> "
            "BlockedQLinearConv<pads=1,1,1,1 x_block=4 y_block=4> Reorder<from=4>");
}

// What does not know a layout refuses it: the graph's check.
TEST(BlockChannels, ReorderIsDemanded) {
  for (const std::string nodes : {"b = onda.Reorder<to = 4>(x) y = Relu(b)", "b = onda.Reorder<to = 4>(x) y = Shape(b)",
                                  "b = onda.Reorder<to = 4>(x) y = onda.Reorder<from = 2>(b)"}) {
    const Model model = ParseModel(
        "<ir_version: 10, opset_import: [\"\" : 22, \"onda\" : 1]> g (float[1,8,3,3] x) => (float[1,8,3,3] y) { " +
        nodes + " }");
    EXPECT_THROW(InferenceSession(model, LoadOptions()), Error) << nodes;
  }
}

}  // namespace
}  // namespace onda::testing
