// Convolutions of 16-bit floats with channels last: which operators follow, how many Transposes are left, and that the
// numbers stay.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/session.h"
#include "tests/cuda_sim/sim_provider.h"
#include "tests/kernels/family_cases.h"

namespace onda::cuda_sim {
namespace {

struct Network {
  std::string inputs, outputs, nodes;
  int weights = 0;
  // A constant float16 tensor of small values that differ; its name.
  std::string Weight(std::vector<int64_t> dims) {
    const std::string name = "w" + std::to_string(weights++);
    int64_t count = 1;
    std::string shape;
    for (int64_t d : dims) count *= d, shape += (shape.empty() ? "" : ", ") + std::to_string(d);
    nodes += " " + name + "n = Constant<value_int = " + std::to_string(count) + ">() " + name + "r = Range(zero, " +
             name + "n, one) " + name + "m = Mod(" + name + "r, odd) " + name + "f = Cast<to = 1>(" + name + "m) " +
             name + "d = Sub(" + name + "f, middle) " + name + "t = Mul(" + name + "d, small) " + name +
             "s = Constant<value_ints = [" + shape + "]>() " + name + "g = Reshape(" + name + "t, " + name + "s) " +
             name + " = Cast<to = 10>(" + name + "g)";
    return name;
  }
  void Add(const std::string& line) { nodes += " " + line; }
  Case Test() const {
    return {"(" + inputs + ") => (" + outputs +
                ") <int64 zero = {0}, int64 one = {1}, int64 odd = {23}, float middle = " +
                "{11.0}, float small = {0.02}> {" + nodes + " }",
            -2, 2, 1e-2, 2e-2};
  }
};

// Runs the network with and without rewrites on the simulated device, and gives the operators of the first in order.
std::string OperatorsOf(const Network& network) {
  const Case test = network.Test();
  const Model model = ModelOfCase(test);
  auto session = [&](bool fuse) {
    LoadOptions options;
    options.fuse = fuse;
    options.place.by_cost = false;
    options.devices = {std::make_shared<const ProviderInstance>(
        SimProvider(), "cuda",
        std::vector<std::pair<std::string, std::string>>{{"seed", "5"}, {"plan_cache", "none"}})};
    return std::make_unique<InferenceSession>(model, options);
  };
  const auto plain = session(false), ours = session(true);
  const std::vector<RuntimeValue> expected = OutputsOfCase(*plain, test), actual = OutputsOfCase(*ours, test);
  EXPECT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) ExpectClose(actual[i], expected[i], test, ours->outputs()[i].name);
  std::string text;
  for (const Node& node : ours->graph().nodes())
    if (!(node.op->flags & (kOpView | kOpCopy))) text += (text.empty() ? "" : " ") + node.op_type;
  return text;
}

// How many operators have a name that begins so.
int CountOf(const std::string& operators, const std::string& name) {
  int count = 0;
  for (size_t at = (" " + operators).find(" " + name); at != std::string::npos;
       at = (" " + operators).find(" " + name, at + 1))
    ++count;
  return count;
}

TEST(ChannelsLast, ResidualNetworkIsTransposedOnce) {
  Network n{"float16[N,3,16,16] x", "float16[N,5] y", ""};
  const std::string a = n.Weight({8, 3, 7, 7}), ab = n.Weight({8}), b = n.Weight({8, 8, 3, 3}),
                    d = n.Weight({8, 8, 1, 1}), e = n.Weight({16, 8, 1, 1}), f = n.Weight({16, 8, 3, 3}),
                    g = n.Weight({16, 5});
  n.Add("a = Conv<pads = [3,3,3,3], strides = [2,2]>(x, " + a + ", " + ab + ") ar = Relu(a)");
  n.Add("p = MaxPool<kernel_shape = [3,3], pads = [1,1,1,1], strides = [2,2]>(ar)");
  n.Add("b = Conv<pads = [1,1,1,1]>(p, " + b + ") br = Relu(b) d = Conv(br, " + d + ") s = Add(d, p) sr = Relu(s)");
  n.Add("e = Conv<strides = [2,2]>(sr, " + e + ") f = Conv<pads = [1,1,1,1], strides = [2,2]>(sr, " + f + ")");
  n.Add("t = Add(f, e) tr = Relu(t) gap = GlobalAveragePool(tr) flat = Flatten(gap) y = MatMul(flat, " + g + ")");
  const std::string text = OperatorsOf(n);
  EXPECT_EQ(CountOf(text, "Transpose"), 1) << text;
  EXPECT_EQ(CountOf(text, "ChannelsLastConv"), 5) << text;
  EXPECT_EQ(CountOf(text, "ChannelsLastMaxPool"), 1) << text;
  EXPECT_EQ(CountOf(text, "ReduceMean"), 1) << text;
}

TEST(ChannelsLast, ChainsOfSumsAndGatesFollow) {
  Network n{"float16[2,8,6,6] x", "float16[2,8,6,6] y", ""};
  std::string last = "x";
  for (int i = 0; i < 3; ++i) {
    const std::string k = std::to_string(i), depth = n.Weight({8, 1, 3, 3}), down = n.Weight({2, 8, 1, 1}),
                      up = n.Weight({8, 2, 1, 1}), point = n.Weight({8, 8, 1, 1});
    n.Add("a" + k + " = Conv<group = 8, pads = [1,1,1,1]>(" + last + ", " + depth + ") b" + k + " = HardSwish(a" + k +
          ") g" + k + " = GlobalAveragePool(b" + k + ") d" + k + " = Conv(g" + k + ", " + down + ") e" + k +
          " = Relu(d" + k + ") u" + k + " = Conv(e" + k + ", " + up + ") h" + k + " = Sigmoid(u" + k + ") m" + k +
          " = Mul(b" + k + ", h" + k + ") p" + k + " = Conv(m" + k + ", " + point + ") " +
          (i == 2 ? std::string("y") : "s" + k) + " = Add(p" + k + ", " + last + ")");
    last = "s" + k;
  }
  const std::string text = OperatorsOf(n);
  EXPECT_EQ(CountOf(text, "Transpose"), 2) << text;
  EXPECT_EQ(CountOf(text, "ChannelsLastConv"), 12) << text;
}

TEST(ChannelsLast, EncoderAndDecoder) {
  Network n{"bfloat16[1,4,8,8] x0", "float16[1,3,9,10] y", ""};
  const std::string a = n.Weight({8, 4, 3, 3}), b = n.Weight({8, 8, 3, 3}), c = n.Weight({8, 16, 3, 3}),
                    d = n.Weight({3, 8, 1, 1}), s = n.Weight({16}), plus = n.Weight({16, 1, 1});
  n.Add("x = Cast<to = 10>(x0) var0 = Abs(" + s + ") half = Constant<value_float = 0.5>() h16 = Cast<to = 10>(half) " +
        "var = Add(var0, h16) pads = Constant<value_ints = [0,0,0,1,0,0,1,1]>() " +
        "scales = Constant<value_floats = [1.0,1.0,2.0,2.0]>()");
  n.Add("a = Conv<pads = [1,1,1,1]>(x, " + a +
        ") ar = LeakyRelu(a) q = AveragePool<kernel_shape = [2,2], strides = [2,2]>(ar)");
  n.Add("b = Conv<pads = [1,1,1,1]>(q, " + b + ") br = Tanh(b) r = Resize<mode = \"linear\">(br, , scales)");
  n.Add("cat = Concat<axis = 1>(ar, r) bn = BatchNormalization(cat, " + s + ", " + s + ", " + s + ", var)");
  n.Add("more = Add(bn, " + plus + ") c = Conv<pads = [1,1,1,1]>(more, " + c + ") cr = Elu(c) d = Conv(cr, " + d +
        ") y = Pad(d, pads)");
  const std::string text = OperatorsOf(n);
  EXPECT_EQ(CountOf(text, "Transpose"), 2) << text;
  EXPECT_NE(text.find("ChannelsLastAveragePool"), std::string::npos) << text;
}

// What does not follow reads what it did, and fp32 keeps its order.
TEST(ChannelsLast, OthersReadChannelsFirst) {
  Network n{"float16[1,4,6,6] x", "float16[1,8,4] y", ""};
  const std::string a = n.Weight({8, 4, 3, 3}), shape = "rows = Constant<value_ints = [1,8,16]>() ";
  n.Add(shape + "a = Conv(x, " + a + ") r = Reshape(a, rows) t = Softmax(r) i = Constant<value_ints = [0,3,2,5]>() " +
        "y = Gather<axis = 2>(t, i)");
  EXPECT_EQ(OperatorsOf(n), "Transpose ChannelsLastConv Transpose Softmax Gather");
  Network plain{"float[1,4,6,6] x, float[8,4,3,3] w", "float[1,8,4,4] y", " a = Conv(x, w) y = Relu(a)"};
  EXPECT_EQ(OperatorsOf(plain), "FusedConv");
}

}  // namespace
}  // namespace onda::cuda_sim
