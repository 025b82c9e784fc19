// The answer of TopKIndex is that of scoring every row and sorting, to the bit, in worlds made to tempt the bound.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "reference/naive_top_k.hpp"
#include "waypost/base/random.hpp"
#include "waypost/base/top_k_index.hpp"

namespace waypost {
namespace {

enum class Kind { kSkewed, kUnit, kSmallWholes, kSubnormal, kHuge, kNegative, kOneLargeElement, kDuplicates };
constexpr Kind kKinds[] = {Kind::kSkewed, Kind::kUnit,     Kind::kSmallWholes,     Kind::kSubnormal,
                           Kind::kHuge,   Kind::kNegative, Kind::kOneLargeElement, Kind::kDuplicates};

void FillRow(Random& random, Kind kind, std::size_t row, float* values, std::size_t dimensions) {
  double scale = 1;
  if (kind == Kind::kSkewed || kind == Kind::kDuplicates) scale = std::exp(2 * random.Normal());
  if (kind == Kind::kSubnormal) scale = 1e-40;
  if (kind == Kind::kHuge) scale = 1e17;
  for (std::size_t j = 0; j < dimensions; ++j) {
    double value = scale * random.Normal();
    if (kind == Kind::kSmallWholes) value = static_cast<double>(random.Below(3)) - 1;
    if (kind == Kind::kNegative) value = -std::abs(value);
    if (kind == Kind::kOneLargeElement && j == row % 3) value *= 1e4;
    values[j] = static_cast<float>(value);
  }
  double square = 0;
  for (std::size_t j = 0; j < dimensions; ++j) square += double{values[j]} * values[j];
  if (kind == Kind::kUnit && square > 0)
    for (std::size_t j = 0; j < dimensions; ++j) values[j] = static_cast<float>(values[j] / std::sqrt(square));
}

AlignedVector<float> MakeRows(std::uint64_t seed, Kind kind, std::size_t rows, std::size_t dimensions) {
  Random random(seed);
  const std::size_t stride = PaddedDimensions(dimensions);
  AlignedVector<float> values(rows * stride, 0.0f);
  for (std::size_t row = 0; row < rows; ++row) {
    if (random.Bernoulli(0.05)) continue;  // a row of zeros
    if (kind == Kind::kDuplicates && row > 0 && random.Bernoulli(0.7)) {
      const std::size_t other = random.Below(row);
      std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(other * stride), stride,
                  values.begin() + static_cast<std::ptrdiff_t>(row * stride));
      continue;
    }
    FillRow(random, kind, row, values.data() + row * stride, dimensions);
  }
  return values;
}

struct Lists {
  Bitmap allowed;
  std::vector<std::uint32_t> excluded;
  Candidates candidates;
};

Lists MakeLists(Random& random, std::size_t rows) {
  Lists lists{.allowed = Bitmap(rows), .excluded = {}, .candidates = {}};
  const double shares[] = {0.005, 0.3, 0.95};
  const double share = shares[random.Below(3)];
  for (std::size_t row = 0; row < rows; ++row) {
    if (random.Bernoulli(share)) lists.allowed.Set(row);
    if (random.Bernoulli(0.1)) lists.excluded.push_back(static_cast<std::uint32_t>(row));
  }
  return lists;
}

class BruteForce {
 public:
  BruteForce(const FactorMatrix& rows, const float* query, float cosine_norm) : scores_(rows.rows()) {
    for (std::size_t row = 0; row < rows.rows(); ++row) {
      scores_[row] = GetScoreKernels().dot(query, rows.row(row), rows.stride());
      if (cosine_norm > 0) {
        const float cosine = scores_[row] / cosine_norm / RowNorm(rows.row(row), rows.stride());
        scores_[row] = cosine > 0 ? std::min(1.0f, cosine) : 0.0f;  // a row of zeros gives a NaN
      }
    }
    cosine_ = cosine_norm > 0;
  }

  std::vector<ScoredItem> Best(std::size_t k, const Candidates& candidates) const {
    std::vector<ScoredItem> best = reference::NaiveTopK(scores_, scores_.size(), candidates);
    if (cosine_) std::erase_if(best, [](const ScoredItem& item) { return !(item.score > 0); });
    best.resize(std::min(k, best.size()));
    return best;
  }

 private:
  std::vector<float> scores_;
  bool cosine_ = false;
};

TEST(TopKIndexProperty, EqualsBruteForceInEveryWorld) {
  std::uint64_t pruned = 0;
  for (std::uint64_t seed = 0; seed < 64; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Kind kind = kKinds[seed % std::size(kKinds)];
    const std::size_t rows = 257 + random.Below(1200);
    const std::size_t dimensions = 1 + random.Below(seed % 4 == 0 ? 300 : 40);
    const TopKIndex index(FactorMatrix(rows, dimensions, SharedArray<float>(MakeRows(seed, kind, rows, dimensions))));
    const std::size_t stride = index.rows().stride();
    constexpr std::size_t kQueries = 5;
    const AlignedVector<float> queries = MakeRows(seed + 9999, kind, kQueries, dimensions);
    std::vector<Lists> lists;
    std::vector<Candidates> candidates(kQueries);
    for (std::size_t q = 0; q < kQueries; ++q) lists.push_back(MakeLists(random, rows));
    for (std::size_t q = 0; q < kQueries; ++q) {
      if (random.Below(3) == 0) candidates[q].allowed = &lists[q].allowed;
      if (random.Below(2) == 0) candidates[q].excluded = lists[q].excluded;
    }
    for (std::size_t k : {std::size_t{1}, std::size_t{10}, rows / 5, rows / 2, rows + 1}) {
      const auto found = index.Search(queries, candidates, k, Parallelism(1));
      ASSERT_TRUE(found.ok()) << found.status();
      std::vector<ScoredItem> best(k);
      for (std::size_t q = 0; q < kQueries; ++q) {
        const float* query = queries.data() + q * stride;
        EXPECT_EQ((*found)[q], BruteForce(index.rows(), query, 0).Best(k, candidates[q]))
            << "k " << k << " query " << q;
        TopKCertificate certificate;
        const auto count = index.SearchInto(query, candidates[q], best, &certificate);
        ASSERT_TRUE(count.ok());
        EXPECT_EQ(std::vector(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(*count)), (*found)[q]);
        pruned += certificate.pruned ? 1 : 0;
        EXPECT_GE(certificate.scored, *count);
      }
    }
  }
  EXPECT_GT(pruned, 300u);  // of 1600: the scan was at work
}

TEST(TopKIndexProperty, SimilarRowsEqualBruteForceByCosine) {
  for (std::uint64_t seed = 0; seed < 48; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Kind kind = kKinds[seed % std::size(kKinds)];
    const std::size_t rows = 257 + random.Below(900);
    const std::size_t dimensions = 1 + random.Below(40);
    const TopKIndex index(FactorMatrix(rows, dimensions, SharedArray<float>(MakeRows(seed, kind, rows, dimensions))));
    const Lists lists = MakeLists(random, rows);
    for (std::size_t n = 0; n < 4; ++n) {
      const std::size_t row = random.Below(rows);
      Candidates candidates;
      if (n % 2 == 0) candidates.allowed = &lists.allowed;
      if (n / 2 == 0) candidates.excluded = lists.excluded;
      const float norm = RowNorm(index.rows().row(row), index.rows().stride());
      for (std::size_t k : {std::size_t{1}, std::size_t{10}, rows}) {
        std::vector<ScoredItem> best(k);
        const auto count = index.SimilarInto(row, candidates, best);
        ASSERT_TRUE(count.ok()) << count.status();
        best.resize(*count);
        std::vector<ScoredItem> expected;
        if (norm > 0) expected = BruteForce(index.rows(), index.rows().row(row), norm).Best(rows, candidates);
        std::erase_if(expected, [&](const ScoredItem& item) { return item.item.value == row; });
        expected.resize(std::min(k, expected.size()));
        EXPECT_EQ(best, expected);
      }
    }
  }
}

}  // namespace
}  // namespace waypost
