#include "core/ir/dim.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "onda/types.h"

namespace onda {
namespace {

const Dim h = Dim::Symbol("h"), w = Dim::Symbol("w");

TEST(Dim, EqualExpressionsHaveOneForm) {
  EXPECT_EQ(h + w, w + h);
  EXPECT_EQ(h * w, w * h);
  EXPECT_EQ((h + Dim(1)) * (h - Dim(1)), h * h - Dim(1));
  EXPECT_EQ(h + h, Dim(2) * h);
  EXPECT_EQ((h + w) * Dim(3), Dim(3) * w + Dim(3) * h);
  EXPECT_EQ(h - h, Dim(0));
  EXPECT_TRUE((h - h).known());
  EXPECT_FALSE(h == w);
  EXPECT_FALSE(h == Dim(1));
  EXPECT_FALSE(h * h == h);
}

TEST(Dim, KnownValues) {
  EXPECT_EQ(Dim(7).value(), 7);
  EXPECT_EQ(Dim(7).value_or_unknown(), 7);
  EXPECT_EQ(h.value_or_unknown(), -1);
  EXPECT_EQ((Dim(6) * Dim(7)).value(), 42);
  EXPECT_EQ((h * Dim(0)).value(), 0);
}

TEST(Dim, SymbolNamesOnlyALoneSymbol) {
  EXPECT_EQ(h.symbol(), "h");
  EXPECT_EQ((h + Dim(0)).symbol(), "h");
  EXPECT_EQ((h + Dim(1)).symbol(), "");
  EXPECT_EQ((h * Dim(2)).symbol(), "");
  EXPECT_EQ((h * w).symbol(), "");
  EXPECT_EQ(FloorDiv(h, Dim(2)).symbol(), "");
  EXPECT_EQ(Dim(3).symbol(), "");
}

TEST(Dim, Division) {
  EXPECT_EQ(FloorDiv(Dim(7), Dim(2)).value(), 3);
  EXPECT_EQ(FloorDiv(Dim(-7), Dim(2)).value(), -4);
  EXPECT_EQ(FloorDiv(Dim(7), Dim(-2)).value(), -4);
  EXPECT_EQ(CeilDiv(Dim(7), Dim(2)).value(), 4);
  EXPECT_EQ(CeilDiv(Dim(-7), Dim(2)).value(), -3);
  EXPECT_EQ(FloorDiv(Dim(4) * h + Dim(2), Dim(2)), Dim(2) * h + Dim(1));  // exact
  EXPECT_EQ(FloorDiv(h, Dim(1)), h);
  EXPECT_EQ(FloorDiv(h, h).value(), 1);
  EXPECT_EQ(FloorDiv(h * w * Dim(6), w * Dim(2)), Dim(3) * h);
  EXPECT_EQ(FloorDiv(h + Dim(1), Dim(2)), FloorDiv(Dim(1) + h, Dim(2)));
  EXPECT_FALSE(FloorDiv(h + Dim(1), Dim(2)) == FloorDiv(h, Dim(2)));
  EXPECT_THROW(FloorDiv(h, Dim(0)), Error);
}

TEST(Dim, MinimumAndMaximum) {
  EXPECT_EQ(Min(Dim(2), Dim(3)).value(), 2);
  EXPECT_EQ(Max(Dim(2), Dim(3)).value(), 3);
  EXPECT_EQ(Min(h, h), h);
  EXPECT_EQ(Min(h, w), Min(w, h));
  EXPECT_FALSE(Min(h, w) == Max(h, w));
}

TEST(Dim, Text) {
  EXPECT_EQ(Dim(3).ToString(), "3");
  EXPECT_EQ(h.ToString(), "h");
  EXPECT_EQ((Dim(2) * h + Dim(1)).ToString(), "2*h + 1");
  EXPECT_EQ((h - Dim(1)).ToString(), "h - 1");
  EXPECT_EQ((Dim(0) - h).ToString(), "-h");
  EXPECT_EQ(FloorDiv(h + Dim(1), Dim(2)).ToString(), "floordiv(h + 1, 2)");
}

TEST(Dim, OverflowIsAnError) {
  const auto code = [](auto&& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kOk;
  };
  EXPECT_EQ(code([] { Dim(INT64_MAX) + Dim(1); }), ErrorCode::kResourceLimit);
  EXPECT_EQ(code([] { Dim(INT64_MIN) - Dim(1); }), ErrorCode::kResourceLimit);
  EXPECT_EQ(code([] { Dim(INT64_MAX) * Dim(2); }), ErrorCode::kResourceLimit);
  EXPECT_EQ(code([] { h* Dim(INT64_MAX) * Dim(2); }), ErrorCode::kResourceLimit);
  EXPECT_EQ(code([] { FloorDiv(Dim(INT64_MIN), Dim(-1)); }), ErrorCode::kResourceLimit);
}

TEST(Dim, SquaringEndsInASymbolThatStaysEqual) {
  auto squared = [](Dim d) {
    for (int i = 0; i < 60; ++i) d = d * d + Dim(1);
    return d;
  };
  auto divided = [](Dim d) {
    for (int i = 0; i < 60; ++i) d = FloorDiv(d, d + Dim(2)) + d;
    return d;
  };
  const Dim n = Dim::Symbol("n"), m = Dim::Symbol("m");
  for (const auto& [a, b, other] :
       {std::tuple(squared(n), squared(n), squared(m)), std::tuple(divided(n), divided(n), divided(m))}) {
    EXPECT_TRUE(a == b);
    EXPECT_FALSE(a == other);
    EXPECT_LT(a.ToString().size(), 100000u);
  }
}

TEST(Dim, QuotientsOfExtremes) {
  const Dim low(INT64_MIN), n = Dim::Symbol("n");
  EXPECT_THROW(FloorDiv(low, Dim(-1)), Error);
  EXPECT_THROW(CeilDiv(low, Dim(2)), Error);
  EXPECT_NO_THROW(FloorDiv(n * low, Dim(-1)).ToString());
  EXPECT_EQ((n * low).ToString(), "-9223372036854775808*n");
  EXPECT_EQ((n * low + n * n).ToString(), (n * n + n * low).ToString());
}

}  // namespace
}  // namespace onda
