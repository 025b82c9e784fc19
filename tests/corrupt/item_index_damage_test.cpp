// A damaged item index of an iALS model: kFull names it; kStructure opens, and answers stay finite scores of rows
// without repeats, or are refused.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/bundle_surgery.hpp"
#include "support/bundles.hpp"
#include "waypost/base/random.hpp"
#include "waypost/file/inspect.hpp"
#include "waypost/file/model_bundle.hpp"

namespace waypost {
namespace {

using testing_support::BundleSurgery;

const std::vector<std::string> kIndexSections = {"ials item order", "ials item norms", "ials item groups",
                                                 "ials item panels", "ials item head"};

constexpr std::size_t kItems = 300;  // enough for the scan to be used

const std::vector<std::byte>& SoundFile() {
  static const std::vector<std::byte> bytes = testing_support::BytesOf(
      testing_support::SmallBundle({.users = 6, .items = kItems, .dimensions = 5, .kinds = {"ials"}, .titles = false}));
  return bytes;
}

std::size_t SectionOf(const std::string& name) {
  const absl::StatusOr<BundleInfo> info = VerifyBundleFromMemory(SoundFile());
  EXPECT_TRUE(info.ok()) << info.status();
  for (std::size_t n = 0; n < info->sections.size(); ++n)
    if (info->sections[n].name == name) return n;
  ADD_FAILURE() << "no section " << name;
  return 0;
}

void ExpectSaneAnswers(const ModelBundle& bundle) {
  const Scorer& scorer = *bundle.models.front().scorer;
  const auto expect_sane = [](const std::vector<ScoredItem>& answer) {
    std::set<std::uint32_t> items;
    for (const ScoredItem& item : answer) {
      EXPECT_LT(item.item.value, kItems);
      EXPECT_TRUE(std::isfinite(item.score));
      EXPECT_TRUE(items.insert(item.item.value).second);
    }
  };
  for (std::uint32_t u = 0; u < bundle.history.rows(); ++u) {
    const UserView user{.user = UserIndex{u}, .history = bundle.history.row(u)};
    for (std::size_t k : {1u, 10u, 70u}) {
      std::vector<ScoredItem> best(k);
      const auto found = scorer.TopKInto(user, {}, best);
      if (found.ok()) {
        best.resize(*found);
        expect_sane(best);
      } else {
        EXPECT_EQ(found.status().code(), absl::StatusCode::kDataLoss) << found.status();
      }
      const auto similar = scorer.Similar(ItemIndex{u * 7}, {}, k);
      if (similar.ok()) {
        expect_sane(*similar);
      } else {
        EXPECT_EQ(similar.status().code(), absl::StatusCode::kDataLoss) << similar.status();
      }
    }
  }
}

void ExpectFoundAndHarmless(BundleSurgery& surgery, const std::string& section) {
  surgery.RepairChecksums();
  const absl::StatusOr<ModelBundle> full = OpenBundleFromMemory(surgery.bytes());
  EXPECT_EQ(full.status().code(), absl::StatusCode::kDataLoss) << full.status();
  EXPECT_THAT(std::string(full.status().message()), testing::HasSubstr("section ial"));
  EXPECT_THAT(std::string(full.status().message()), testing::HasSubstr(section));
  const absl::StatusOr<ModelBundle> quick = OpenBundleFromMemory(surgery.bytes(), {.check = OpenCheck::kStructure});
  ASSERT_TRUE(quick.ok()) << quick.status();
  ExpectSaneAnswers(*quick);
}

TEST(DamagedItemIndex, TheSoundFileHasOne) {
  const absl::StatusOr<ModelBundle> bundle = OpenBundleFromMemory(SoundFile());
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  ExpectSaneAnswers(*bundle);
}

TEST(DamagedItemIndex, EveryPlaceOfTheOrderIsChecked) {
  const std::size_t section = SectionOf("ials item order");
  Random random(1);
  for (std::uint32_t value : {0u, 299u, 300u, 0x7fffffffu, 0xffffffffu}) {
    for (std::size_t n = 0; n < 20; ++n) {
      BundleSurgery surgery(SoundFile());
      const std::size_t at = surgery.Get64(surgery.EntryAt(section) + 8) + 4 * random.Below(kItems);
      std::uint32_t before = 0;
      std::memcpy(&before, surgery.bytes().data() + at, 4);
      if (before == value) continue;
      surgery.Set32(at, value);
      ExpectFoundAndHarmless(surgery, "item order");
    }
  }
}

TEST(DamagedItemIndex, EveryNormAndEveryBoundIsChecked) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  struct Case {
    std::string section;
    std::size_t element;  // of floats
    std::vector<float> values;
  };
  const std::vector<Case> cases = {
      {"ials item norms", 17, {std::nanf(""), kInfinity, -1.0f, 0.0f, 1e30f}},
      {"ials item groups", 4, {std::nanf(""), -kInfinity, -1.0f, 0.0f, 1e-6f}},         // the largest norm
      {"ials item groups", 5, {std::nanf(""), kInfinity, -1.0f, 1e30f}},                // the smallest norm
      {"ials item groups", 6, {std::nanf(""), kInfinity, -1.0f, 0.0f, 1e-30f, 1e30f}},  // the scale
      {"ials item groups", 7, {std::nanf(""), -kInfinity, -1.0f, 0.0f, 1e-9f}},         // the residual
  };
  for (const Case& damage : cases) {
    const std::size_t section = SectionOf(damage.section);
    for (float value : damage.values) {
      SCOPED_TRACE(testing::Message() << damage.section << " " << damage.element << " " << value);
      BundleSurgery surgery(SoundFile());
      std::uint32_t bits = 0;
      std::memcpy(&bits, &value, 4);
      surgery.Set32(surgery.Get64(surgery.EntryAt(section) + 8) + 4 * damage.element, bits);
      ExpectFoundAndHarmless(surgery, damage.section.substr(5));
    }
  }
}

TEST(DamagedItemIndex, PanelsThatDoNotBelongToTheFactorsAreFound) {
  const std::size_t section = SectionOf("ials item panels");
  for (int value : {0, 255}) {
    BundleSurgery surgery(SoundFile());
    const std::size_t at = surgery.Get64(surgery.EntryAt(section) + 8);
    std::memset(surgery.bytes().data() + at, value, kItems * 16);
    ExpectFoundAndHarmless(surgery, "item groups");  // the residuals no longer cover them
  }
}

TEST(DamagedItemIndex, EveryElementOfTheHeadIsChecked) {
  const std::size_t section = SectionOf("ials item head");
  Random random(2);
  for (float value : {std::nanf(""), std::numeric_limits<float>::infinity(), -0.0f, 1e30f, 0.25f}) {
    for (std::size_t n = 0; n < 20; ++n) {
      BundleSurgery surgery(SoundFile());
      std::uint32_t bits = 0;
      std::memcpy(&bits, &value, 4);
      const std::size_t at = surgery.Get64(surgery.EntryAt(section) + 8) + 4 * random.Below(kItems * 16);
      if (std::memcmp(surgery.bytes().data() + at, &bits, 4) == 0) continue;
      surgery.Set32(at, bits);
      ExpectFoundAndHarmless(surgery, "item head");
    }
  }
}

TEST(DamagedItemIndex, AHeadOfAnotherSizeIsRefused) {
  BundleSurgery surgery(SoundFile());
  surgery.Set32(surgery.EntryAt(SectionOf("ials item head")), 71 + 9000);
  surgery.AddSection(/*type=*/71, /*model=*/1, std::vector<std::byte>(64, std::byte{0}));
  surgery.RepairChecksums();
  for (OpenCheck check : {OpenCheck::kFull, OpenCheck::kStructure}) {
    const absl::StatusOr<ModelBundle> bundle = OpenBundleFromMemory(surgery.bytes(), {.check = check});
    EXPECT_EQ(bundle.status().code(), absl::StatusCode::kDataLoss) << bundle.status();
  }
}

TEST(DamagedItemIndex, RandomBytesNeverHarm) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Random random(seed);
    BundleSurgery surgery(SoundFile());
    for (const std::string& name : kIndexSections) {
      const std::size_t entry = surgery.EntryAt(SectionOf(name));
      const std::size_t begin = surgery.Get64(entry + 8);
      const std::size_t size = surgery.Get64(entry + 16);
      for (std::size_t n = 0; n < size; ++n)
        if (random.Bernoulli(seed % 2 == 0 ? 0.01 : 0.5))
          surgery.bytes()[begin + n] = static_cast<std::byte>(random.Below(256));
    }
    surgery.RepairChecksums();
    EXPECT_FALSE(OpenBundleFromMemory(surgery.bytes()).ok());
    const auto quick = OpenBundleFromMemory(surgery.bytes(), {.check = OpenCheck::kStructure});
    ASSERT_TRUE(quick.ok()) << quick.status();
    ExpectSaneAnswers(*quick);
  }
}

// A file without the named sections answers as the sound one.
void ExpectNotNeeded(const std::vector<std::string>& names) {
  BundleSurgery surgery(SoundFile());
  for (const std::string& name : names)
    surgery.Set32(surgery.EntryAt(SectionOf(name)), 9000 + static_cast<std::uint32_t>(SectionOf(name)));
  surgery.RepairChecksums();
  const absl::StatusOr<ModelBundle> with = OpenBundleFromMemory(SoundFile());
  const absl::StatusOr<ModelBundle> without = OpenBundleFromMemory(surgery.bytes());
  ASSERT_TRUE(without.ok()) << without.status();
  for (std::uint32_t u = 0; u < 6; ++u) {
    const UserView user{.user = UserIndex{u}, .history = with->history.row(u)};
    const Candidates every;
    const auto answer = [&](const ModelBundle& bundle) {
      return *bundle.models.front().scorer->TopK(std::span(&user, 1), std::span(&every, 1), 20, Parallelism(1));
    };
    EXPECT_EQ(answer(*with), answer(*without));
    EXPECT_EQ(*with->models.front().scorer->Similar(ItemIndex{u}, {}, 20),
              *without->models.front().scorer->Similar(ItemIndex{u}, {}, 20));
  }
}

TEST(DamagedItemIndex, AFileWithoutOneAnswersTheSame) {
  ExpectNotNeeded(kIndexSections);
}

TEST(DamagedItemIndex, AFileWithoutTheHeadAnswersTheSame) {
  ExpectNotNeeded({"ials item head"});
}

}  // namespace
}  // namespace waypost
