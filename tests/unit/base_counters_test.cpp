#include "waypost/base/counters.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;

TEST(Histogram, BucketsFollowEachOtherWithoutGapsAndAreNarrow) {
  for (std::size_t bucket = 0; bucket < internal::kHistogramBuckets; ++bucket) {
    const std::uint64_t low = internal::HistogramLow(bucket);
    const std::uint64_t next = internal::HistogramLow(bucket + 1);
    ASSERT_EQ(internal::HistogramBucket(low), bucket);
    ASSERT_EQ(internal::HistogramBucket(next - 1), bucket);
    ASSERT_LE((next - low - 1) * 128, low);
  }
  EXPECT_EQ(internal::HistogramLow(internal::kHistogramBuckets), Histogram::kLimit);
}

TEST(Histogram, QuantilesAreWithinA256thOfTheExactOnes) {
  Random random(1);
  for (double spread : {0.1, 1.0, 4.0}) {
    SCOPED_TRACE(spread);
    Histogram histogram;
    std::vector<std::uint64_t> numbers;
    for (int n = 0; n < 20'000; ++n) {
      numbers.push_back(static_cast<std::uint64_t>(std::exp(10 + spread * random.Normal())));
      histogram.Record(numbers.back());
    }
    std::sort(numbers.begin(), numbers.end());
    const HistogramSnapshot snapshot = histogram.Snapshot();
    EXPECT_EQ(snapshot.count(), numbers.size());
    EXPECT_EQ(snapshot.max(), numbers.back());
    for (double q : {0.0, 0.001, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      const auto rank = std::max(1.0, std::ceil(q * static_cast<double>(numbers.size())));
      const std::uint64_t exact = numbers[static_cast<std::size_t>(rank) - 1];
      const std::uint64_t estimate = snapshot.Quantile(q);
      const std::uint64_t error = exact > estimate ? exact - estimate : estimate - exact;
      EXPECT_LE(error * 256, exact + 255) << q;  // half a bucket; the middle is rounded down
    }
  }
}

TEST(Histogram, HoldsTheEdges) {
  Histogram histogram;
  EXPECT_EQ(histogram.Snapshot().Quantile(0.5), 0u);
  histogram.Record(0);
  histogram.Record(255);
  histogram.Record(Histogram::kLimit - 1);
  histogram.Record(std::numeric_limits<std::uint64_t>::max() / 2);
  HistogramSnapshot snapshot = histogram.Snapshot();
  EXPECT_EQ(snapshot.Quantile(0.25), 0u);
  EXPECT_EQ(snapshot.Quantile(0.5), 255u);
  EXPECT_EQ(snapshot.Quantile(1), std::numeric_limits<std::uint64_t>::max() / 2);
  EXPECT_EQ(snapshot.CountBelowPower(8), 2u);
  EXPECT_EQ(snapshot.CountBelowPower(40), 3u);
  snapshot.Add(HistogramSnapshot());
  snapshot.Add(snapshot);
  EXPECT_EQ(snapshot.count(), 8u);
  EXPECT_EQ(snapshot.CountBelowPower(8), 4u);
}

TEST(Counters, CountEveryCallOfEveryThread) {
  constexpr int kThreads = 4;
  constexpr std::uint64_t kCalls = 20'000;
  Counter counter;
  Histogram histogram;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&] {
      for (std::uint64_t n = 1; n <= kCalls; ++n) {
        counter.Add();
        histogram.Record(n);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), kThreads * kCalls);
  EXPECT_EQ(histogram.Snapshot().count(), kThreads * kCalls);
  EXPECT_EQ(histogram.Snapshot().sum(), kThreads * kCalls * (kCalls + 1) / 2);
  EXPECT_EQ(histogram.Snapshot().max(), kCalls);
}

TEST(PrometheusText, IsTheTextThatPrometheusReads) {
  PrometheusText text;
  text.Begin("waypost_events_total", "counter", "Events recorded.\nA \\ stays.");
  text.Sample({}, std::uint64_t{18446744073709551615u});
  text.Begin("waypost_model_age_seconds", "gauge", "Age of \"the\" model.");
  text.Sample({{"model", "a\"b\\c\nd"}, {"kind", "\xe6\x95\xb0"}}, 0.25);
  text.Sample({{"model", "none"}}, std::numeric_limits<double>::quiet_NaN());
  text.Sample({{"model", "never"}}, std::numeric_limits<double>::infinity());
  text.Sample({{"model", "before"}}, -std::numeric_limits<double>::infinity());
  EXPECT_EQ(text.Take(),
            "# HELP waypost_events_total Events recorded.\\nA \\\\ stays.\n"
            "# TYPE waypost_events_total counter\n"
            "waypost_events_total 18446744073709551615\n"
            "# HELP waypost_model_age_seconds Age of \"the\" model.\n"
            "# TYPE waypost_model_age_seconds gauge\n"
            "waypost_model_age_seconds{model=\"a\\\"b\\\\c\\nd\",kind=\"\xe6\x95\xb0\"} 0.25\n"
            "waypost_model_age_seconds{model=\"none\"} NaN\n"
            "waypost_model_age_seconds{model=\"never\"} +Inf\n"
            "waypost_model_age_seconds{model=\"before\"} -Inf\n");
}

TEST(PrometheusText, WritesAHistogramInSecondsWithExactCounts) {
  Histogram histogram;
  for (std::uint64_t nanoseconds : {1023, 1024, 2047, 5'000, 3'000'000}) histogram.Record(nanoseconds);
  PrometheusText text;
  text.Begin("waypost_seconds", "histogram", "Time.");
  text.Nanoseconds({{"call", "recommend"}}, histogram.Snapshot());
  const std::string written = text.Take();
  EXPECT_THAT(written, HasSubstr("waypost_seconds_bucket{call=\"recommend\",le=\"1.023e-06\"} 1\n"));
  EXPECT_THAT(written, HasSubstr("waypost_seconds_bucket{call=\"recommend\",le=\"2.047e-06\"} 3\n"));
  EXPECT_THAT(written, HasSubstr(",le=\"+Inf\"} 5\nwaypost_seconds_sum{call=\"recommend\"} 0.003009094\n"
                                 "waypost_seconds_count{call=\"recommend\"} 5\n"));
}

}  // namespace
}  // namespace waypost
