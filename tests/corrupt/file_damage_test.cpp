// Damaged model files: a clear error or a correct load, whatever the bytes; run under sanitizers as well.
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/bundle_surgery.hpp"
#include "support/bundles.hpp"
#include "support/damage.hpp"
#include "support/replaced_new.hpp"
#include "waypost/base/random.hpp"
#include "waypost/file/inspect.hpp"
#include "waypost/file/model_bundle.hpp"

namespace {

std::atomic<std::size_t> requested_bytes = 0;  // of all allocations since it was set to 0

}  // namespace

bool waypost::testing_support::MayAllocate(std::size_t size) noexcept {
  requested_bytes += size;
  return true;
}
void waypost::testing_support::HasFreed() noexcept {}

namespace waypost {
namespace {

using testing::HasSubstr;
using testing_support::AllScores;
using testing_support::BundleSurgery;
using testing_support::BytesOf;
using testing_support::ExpectNamed;
using testing_support::SmallBundle;

// Opens damaged bytes and reads everything the bundle then offers. Returns what opening said.
absl::Status OpenAndUse(std::span<const std::byte> bytes, OpenCheck check) {
  requested_bytes = 0;
  const absl::StatusOr<ModelBundle> bundle = OpenBundleFromMemory(bytes, {.check = check});
  EXPECT_LE(requested_bytes, 2 * bytes.size() + (std::size_t{1} << 20));
  if (bundle.ok()) testing_support::UseBundle(*bundle);
  return bundle.status();
}

TEST(DamagedFile, EveryTruncationIsFound) {
  const std::vector<std::byte> bytes = BytesOf(SmallBundle());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    SCOPED_TRACE(size);
    for (const OpenCheck check : {OpenCheck::kFull, OpenCheck::kStructure})
      ExpectNamed(OpenAndUse(std::span(bytes).first(size), check));
  }
}

TEST(DamagedFile, EveryAppendedByteIsFound) {
  std::vector<std::byte> bytes = BytesOf(SmallBundle());
  bytes.push_back(std::byte{0});
  ExpectNamed(OpenAndUse(bytes, OpenCheck::kFull));
}

TEST(DamagedFile, TwentyThousandRandomByteChangesAreFoundByAFullCheckAndHarmlessWithoutOne) {
  const std::vector<std::byte> sound = BytesOf(SmallBundle());
  Random random(1);
  for (int trial = 0; trial < 20000; ++trial) {
    SCOPED_TRACE(trial);
    std::vector<std::byte> bytes = sound;
    const std::size_t at = random.Below(bytes.size());
    bytes[at] ^= static_cast<std::byte>(1 + random.Below(255));
    // A newer minor version is no damage as long as the checksum agrees; nothing else may pass.
    ExpectNamed(OpenAndUse(bytes, OpenCheck::kFull));
    (void)OpenAndUse(bytes, OpenCheck::kStructure);
  }
}

TEST(DamagedFile, RandomChangesWithRightChecksumsAreRefusedOrHarmless) {
  const std::vector<std::byte> sound = BytesOf(SmallBundle());
  Random random(2);
  int opened = 0;
  for (int trial = 0; trial < 20000; ++trial) {
    SCOPED_TRACE(trial);
    BundleSurgery surgery(sound);
    surgery.ChangeAtRandom(random);
    const absl::Status full = OpenAndUse(surgery.bytes(), OpenCheck::kFull);
    if (full.ok()) ++opened;
    const absl::Status structure = OpenAndUse(surgery.bytes(), OpenCheck::kStructure);
    EXPECT_TRUE(!full.ok() || structure.ok()) << structure;  // what passes all checks passes some
  }
  EXPECT_GT(opened, 1000);  // changed numbers that are still numbers
}

TEST(DamagedFile, EveryKindOfModelIsFoundDamagedOrHarmless) {
  for (std::string_view kind : ModelKinds()) {
    SCOPED_TRACE(std::string(kind));
    const std::vector<std::byte> sound = BytesOf(SmallBundle({.kinds = {std::string(kind)}}));
    Random random(3);
    for (int trial = 0; trial < 2000; ++trial) {
      SCOPED_TRACE(trial);
      std::vector<std::byte> bytes = sound;
      bytes[random.Below(bytes.size())] ^= static_cast<std::byte>(1 + random.Below(255));
      ExpectNamed(OpenAndUse(bytes, OpenCheck::kFull));
      (void)OpenAndUse(bytes, OpenCheck::kStructure);
      BundleSurgery surgery(sound);
      surgery.ChangeAtRandom(random);
      const bool full = OpenAndUse(surgery.bytes(), OpenCheck::kFull).ok();
      EXPECT_TRUE(OpenAndUse(surgery.bytes(), OpenCheck::kStructure).ok() || !full);
    }
    const std::size_t sections = BundleSurgery(sound).section_count();
    for (std::size_t section = 0; section < sections; ++section) {
      SCOPED_TRACE(section);
      for (const OpenCheck check : {OpenCheck::kFull, OpenCheck::kStructure}) {
        BundleSurgery missing(sound);
        missing.Set32(missing.EntryAt(section), 9999);
        missing.RepairChecksums();
        (void)OpenAndUse(missing.bytes(), check);
        BundleSurgery shorter(sound);
        const std::uint64_t size = shorter.Get64(shorter.EntryAt(section) + 16);
        if (size == 0) continue;
        shorter.Set64(shorter.EntryAt(section) + 16, size - 1);
        shorter.RepairChecksums();
        EXPECT_FALSE(OpenAndUse(shorter.bytes(), check).ok());
      }
    }
  }
}

TEST(DamagedFile, AGraphWhoseOrientationsDisagreeIsRefused) {
  for (const std::string kind : {"gf-cf", "user-knn"}) {
    SCOPED_TRACE(kind);
    const std::vector<std::byte> sound = BytesOf(SmallBundle({.kinds = {kind}}));
    const absl::StatusOr<BundleInfo> info = VerifyBundleFromMemory(sound);
    ASSERT_TRUE(info.ok());
    for (std::size_t section = 0; section < info->sections.size(); ++section) {
      const std::string& name = info->sections[section].name;
      if (name != "graph user values" && name != "graph item values") continue;
      BundleSurgery other(sound);
      other.Set32(info->sections[section].offset, 0x40400000);  // 3, which no strength of this bundle's first entry is
      other.RepairChecksums();
      const absl::Status status = OpenAndUse(other.bytes(), OpenCheck::kFull);
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
      EXPECT_THAT(std::string(status.message()), HasSubstr("section graph item users"));
      EXPECT_TRUE(OpenAndUse(other.bytes(), OpenCheck::kStructure).ok());
      BundleSurgery missing(sound);
      missing.Set32(missing.EntryAt(section), 9999);
      missing.RepairChecksums();
      EXPECT_FALSE(OpenAndUse(missing.bytes(), OpenCheck::kStructure).ok());
    }
  }
}

TEST(DamagedFile, ABackgroundThatIsNoneIsRefusedHoweverTheFileIsOpened) {
  const std::vector<std::byte> sound = BytesOf(SmallBundle({.items = 9, .kinds = {"logistic-mf"}, .background = 4}));
  const absl::StatusOr<BundleInfo> info = VerifyBundleFromMemory(sound);
  ASSERT_TRUE(info.ok());
  const auto error_with = [&](const std::string& section, std::uint32_t first) {
    for (const SectionInfo& candidate : info->sections) {
      if (candidate.name != section) continue;
      BundleSurgery changed(sound);
      changed.Set32(candidate.offset, first);
      changed.RepairChecksums();
      EXPECT_FALSE(OpenAndUse(changed.bytes(), OpenCheck::kFull).ok());
      return std::string(OpenAndUse(changed.bytes(), OpenCheck::kStructure).message());
    }
    return "no section " + section;
  };
  EXPECT_THAT(error_with("logistic background rows", 9), HasSubstr("want below 9, got 9"));
  EXPECT_THAT(error_with("logistic background rows", 8), HasSubstr("want above 8"));
  EXPECT_THAT(error_with("logistic background weights", 0), HasSubstr("got 0"));
  EXPECT_THAT(error_with("logistic background weights", 0x7fc00000), HasSubstr("got nan"));
  for (std::size_t section = 0; section < info->sections.size(); ++section) {
    if (info->sections[section].name != "logistic background weights") continue;
    BundleSurgery missing(sound);
    missing.Set32(missing.EntryAt(section), 9999);
    missing.RepairChecksums();
    EXPECT_FALSE(OpenAndUse(missing.bytes(), OpenCheck::kStructure).ok());
  }
}

TEST(DamagedFile, ABlendWhosePartsAreNotThoseItNamesIsRefused) {
  const std::vector<std::byte> sound = BytesOf(SmallBundle({.kinds = {"popularity", "blend"}}));
  const auto error_with = [&](const std::string& from, const std::string& to) {
    EXPECT_EQ(from.size(), to.size());
    BundleSurgery changed(sound);
    const std::string_view text(reinterpret_cast<const char*>(changed.bytes().data()), changed.bytes().size());
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string_view::npos) << from;
    std::memcpy(changed.bytes().data() + at, to.data(), to.size());
    changed.RepairChecksums();
    const absl::Status status = OpenAndUse(changed.bytes(), OpenCheck::kStructure);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    return std::string(status.message());
  };
  const std::string names = "blend.1-item-knn,blend.2-gf-cf";
  EXPECT_THAT(error_with(names, "blend.1-item-knn,blend.3-gf-cf"),
              HasSubstr("model 2, parameter models: want names of models that are no blends, got 'blend.3-gf-cf'"));
  EXPECT_THAT(error_with(names, "blend,1-item-knn,blend.2-gf-cf"), HasSubstr("no blends, got 'blend'"));
  EXPECT_THAT(error_with(names, "blend.2-gf-cf,blend.1-item-knn"), HasSubstr("want a model each of 'item-knn + gf-cf"));
  EXPECT_THAT(error_with("0.5,0.25", "0.5,-0.2"), HasSubstr("weights"));
  const std::string length("\x07\0\0\0\0\0\0\0", 8);
  EXPECT_THAT(error_with(length + "weights", length + "weighty"), HasSubstr("want weights beside it, got none"));
}

TEST(DamagedFile, SizesNearTheEndOfTheNumbersAreRefused) {
  const std::vector<std::byte> sound = BytesOf(SmallBundle());
  const std::uint64_t top = std::uint64_t{1} << 63;
  const std::size_t sections = BundleSurgery(sound).section_count();
  for (const std::uint64_t value : {top, top - 1, top + 1, top - 64, ~std::uint64_t{0}, ~std::uint64_t{0} - 63,
                                    std::uint64_t{1} << 32, std::uint64_t{sound.size()}}) {
    for (std::size_t section = 0; section < sections; ++section) {
      SCOPED_TRACE(testing::Message() << value << " in section " << section);
      BundleSurgery size(sound);
      size.Set64(size.EntryAt(section) + 16, value);
      size.RepairChecksums();
      ExpectNamed(OpenAndUse(size.bytes(), OpenCheck::kFull));
      BundleSurgery offset(sound);
      offset.Set64(offset.EntryAt(section) + 8, value);
      offset.RepairChecksums();
      ExpectNamed(OpenAndUse(offset.bytes(), OpenCheck::kStructure));
    }
    BundleSurgery file(sound);
    file.Set64(32, value + 1);
    file.RepairChecksums();
    ExpectNamed(OpenAndUse(file.bytes(), OpenCheck::kFull));
  }
}

TEST(DamagedFile, SectionCountsThatDoNotFitAreRefused) {
  const std::vector<std::byte> sound = BytesOf(SmallBundle());
  for (const std::uint32_t count : {0u, 1u, 1024u, 1025u, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
    BundleSurgery surgery(sound);
    surgery.Set32(12, count);
    surgery.RepairChecksums();
    ExpectNamed(OpenAndUse(surgery.bytes(), OpenCheck::kStructure));
  }
}

TEST(DamagedFile, OverlapsSelfReferencesGapsMisalignmentAndDuplicatesAreRefused) {
  const std::vector<std::byte> sound = BytesOf(SmallBundle());
  const auto refused = [&](std::size_t entry_field, std::uint64_t value, const std::string& message) {
    BundleSurgery surgery(sound);
    surgery.Set64(surgery.EntryAt(3) + entry_field, value);
    surgery.RepairChecksums();
    const absl::Status status = OpenAndUse(surgery.bytes(), OpenCheck::kStructure);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  };
  BundleSurgery surgery(sound);
  const std::uint64_t offset = surgery.Get64(surgery.EntryAt(3) + 8);
  refused(8, surgery.Get64(surgery.EntryAt(2) + 8), "section user id slots.offset");  // the section before
  refused(8, 0, "section user id slots.offset");                                      // the header
  refused(8, surgery.EntryAt(3), "section user id slots.offset");                     // its own entry
  refused(8, offset + 64, "section user id slots.offset");                            // a gap
  refused(8, offset + 4, "section user id slots.offset");                             // unaligned
  refused(0, 3, "want one such section, got two");                                    // user id offsets again
  refused(16, 4, "section");                                                          // shorter: the next one is off
}

TEST(DamagedFile, ANewerVersionOrFeatureIsNamedAndNotCalledDamage) {
  const std::vector<std::byte> sound = BytesOf(SmallBundle());
  BundleSurgery major(sound);
  major.Set16(8, 2);
  major.Set16(10, 7);
  EXPECT_EQ(OpenAndUse(major.bytes(), OpenCheck::kFull),
            absl::UnimplementedError("header.version at offset 8: want 1.x, got 2.7"));
  BundleSurgery feature(sound);
  feature.Set64(16, std::uint64_t{1} << 41);
  feature.RepairChecksums();
  const absl::Status status = OpenAndUse(feature.bytes(), OpenCheck::kFull);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), HasSubstr("feature bit 41"));
}

TEST(DamagedFile, ANewerMinorVersionMayIgnoreBitsAndUnknownSectionsAreRead) {
  BundleSurgery surgery(BytesOf(SmallBundle()));
  surgery.Set16(10, 3);
  surgery.Set64(24, 0x80);
  surgery.AddSection(/*type=*/77, /*model=*/0, std::vector<std::byte>(100, std::byte{7}));
  surgery.AppendToMetadata(std::vector<std::byte>(8, std::byte{1}));
  surgery.RepairChecksums();
  EXPECT_EQ(OpenAndUse(surgery.bytes(), OpenCheck::kFull), absl::OkStatus());
  const absl::StatusOr<BundleInfo> info = VerifyBundleFromMemory(surgery.bytes());
  ASSERT_TRUE(info.ok());
  EXPECT_THAT(info->problems, testing::IsEmpty());
  EXPECT_EQ(info->sections.back().name, "unknown 77");
}

TEST(DamagedFile, BytesAfterTheMetadataOfThisVersionAreDamage) {
  BundleSurgery surgery(BytesOf(SmallBundle()));
  surgery.AppendToMetadata(std::vector<std::byte>(8, std::byte{1}));
  surgery.RepairChecksums();
  ExpectNamed(OpenAndUse(surgery.bytes(), OpenCheck::kFull));
}

TEST(DamagedFile, EverySizeInTheMetadataIsBoundedBeforeItIsAllocated) {
  const std::vector<std::byte> sound = BytesOf(SmallBundle());
  BundleSurgery look(sound);
  const std::size_t begin = look.Get64(look.EntryAt(0) + 8);
  const std::size_t size = look.Get64(look.EntryAt(0) + 16);
  for (std::size_t at = begin; at + 8 <= begin + size; ++at) {
    for (const std::uint64_t value : {std::uint64_t{1} << 63, ~std::uint64_t{0}, std::uint64_t{1} << 32,
                                      std::uint64_t{1} << 20, std::uint64_t{1024}, std::uint64_t{300}}) {
      BundleSurgery surgery(sound);
      surgery.Set64(at, value);
      surgery.RepairChecksums();
      (void)OpenAndUse(surgery.bytes(), OpenCheck::kFull);  // counts what is allocated
    }
  }
}

TEST(DamagedFile, EverySectionMayBeMissingOrOfTheWrongSizeWithoutHarm) {
  const std::vector<std::byte> sound = BytesOf(SmallBundle());
  const absl::StatusOr<BundleInfo> info = VerifyBundleFromMemory(sound);
  ASSERT_TRUE(info.ok());
  for (std::size_t section = 0; section < info->sections.size(); ++section) {
    SCOPED_TRACE(info->sections[section].name);
    BundleSurgery missing(sound);
    missing.Set32(missing.EntryAt(section), 9999);  // a type nobody knows: as if the section were not there
    missing.RepairChecksums();
    const std::string& name = info->sections[section].name;
    const bool optional = name == "history values" || name == "item weight values" || name == "ials user factors" ||
                          name == "ials item head";
    for (const OpenCheck check : {OpenCheck::kFull, OpenCheck::kStructure}) {
      const absl::Status status = OpenAndUse(missing.bytes(), check);
      EXPECT_EQ(status.ok(), optional) << status;
    }
    if (info->sections[section].size == 0) continue;
    BundleSurgery shorter(sound);
    shorter.Set64(shorter.EntryAt(section) + 16, info->sections[section].size - 1);
    shorter.RepairChecksums();
    for (const OpenCheck check : {OpenCheck::kFull, OpenCheck::kStructure})
      EXPECT_FALSE(OpenAndUse(shorter.bytes(), check).ok());
  }
}

}  // namespace
}  // namespace waypost
