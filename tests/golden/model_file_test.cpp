// Every golden file opens and gives what it gave when it was written.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "golden/results.hpp"
#include "reference/naive_top_k.hpp"
#include "support/bundles.hpp"
#include "waypost/base/bytes.hpp"
#include "waypost/file/inspect.hpp"
#include "waypost/file/model_bundle.hpp"
#include "waypost/model/model_spec.hpp"
#include "waypost/version.hpp"

namespace waypost {
namespace {

std::string Read(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  EXPECT_TRUE(stream.good()) << path;
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

std::vector<std::filesystem::path> GoldenFiles() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(WAYPOST_GOLDEN_DIR))
    if (entry.path().extension() == ".waypost") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

TEST(GoldenModelFile, AllAreHere) {
  EXPECT_GE(GoldenFiles().size(), 5u);
}

TEST(GoldenModelFile, GivesWhatItGaveWhenItWasWritten) {
  for (const std::filesystem::path& path : GoldenFiles()) {
    SCOPED_TRACE(path);
    for (const OpenCheck check : {OpenCheck::kFull, OpenCheck::kStructure}) {
      const absl::StatusOr<ModelBundle> bundle = OpenBundle(path, {.check = check});
      ASSERT_TRUE(bundle.ok()) << bundle.status();
      std::istringstream expected(Read(std::filesystem::path(path).replace_extension(".txt")));
      std::istringstream found(golden::ResultsOf(*bundle));
      std::string want;
      std::string got;
      while (std::getline(expected, want)) {
        ASSERT_TRUE(std::getline(found, got)) << want;
        const std::size_t want_number = want.rfind(' ');
        const std::size_t got_number = got.rfind(' ');
        ASSERT_EQ(want.substr(0, want_number), got.substr(0, got_number));
        const double value = std::strtod(want.c_str() + want_number, nullptr);
        // Instruction sets round differently: a fold-in solves a system in float32.
        ASSERT_NEAR(std::strtod(got.c_str() + got_number, nullptr), value, 1e-5 * (1 + std::abs(value))) << want;
      }
      EXPECT_FALSE(std::getline(found, got)) << got;
    }
  }
}

TEST(GoldenModelFile, RanksAsItScores) {
  for (const std::filesystem::path& path : GoldenFiles()) {
    SCOPED_TRACE(path);
    const absl::StatusOr<ModelBundle> bundle = OpenBundle(path, {.check = OpenCheck::kStructure});
    ASSERT_TRUE(bundle.ok()) << bundle.status();
    std::vector<float> scores(bundle->items.size());
    for (const NamedModel& model : bundle->models) {
      for (std::uint32_t u = 0; u < bundle->history.rows(); ++u) {
        const UserView user{.user = UserIndex{u}, .history = bundle->history.row(u)};
        ASSERT_TRUE(model.scorer->Score(std::span(&user, 1), scores, Parallelism(1)).ok());
        std::vector<ScoredItem> best(20);
        const absl::StatusOr<std::size_t> found = model.scorer->TopKInto(user, {}, best);
        ASSERT_TRUE(found.ok()) << found.status();
        best.resize(*found);
        EXPECT_EQ(best, reference::NaiveTopK(scores, 20, {}));
      }
    }
  }
}

TEST(GoldenModelFile, HasNoProblems) {
  for (const std::filesystem::path& path : GoldenFiles()) {
    const absl::StatusOr<BundleInfo> info = VerifyBundle(path);
    ASSERT_TRUE(info.ok()) << info.status();
    EXPECT_THAT(info->problems, testing::IsEmpty()) << path;
  }
}

std::string FormatOf(const std::vector<std::string>& kinds) {
  const std::vector<std::byte> bytes = testing_support::BytesOf(testing_support::SmallBundle({.kinds = kinds}));
  return std::to_string(LoadLittleEndian<std::uint16_t>(bytes, 8)) + "." +
         std::to_string(LoadLittleEndian<std::uint16_t>(bytes, 10));
}

TEST(GoldenModelFile, AFileIsOfTheLowestVersionThatHasItsKinds) {
  EXPECT_EQ(FormatOf({"popularity"}), "1.1");
  EXPECT_EQ(FormatOf({"popularity", "item-knn", "ials"}), "1.1");
  for (const char* kind : {"ease", "gf-cf", "sparse-ease", "slim", "rp3beta", "blend"})
    EXPECT_EQ(FormatOf({"popularity", kind}), "1.2") << kind;
}

TEST(GoldenModelFile, TheVersionMapNamesTheNewestFormatThatThisReleaseWrites) {
  std::string format;
  for (const std::string_view kind : ModelKinds()) format = std::max(format, FormatOf({std::string(kind)}));
  EXPECT_THAT(Read(std::filesystem::path(WAYPOST_GOLDEN_DIR) / "version_map.json"),
              testing::HasSubstr("\"" WAYPOST_VERSION_STRING "\": {\"model_file\": \"" + format + "\","));
}

TEST(GoldenModelFile, TheExampleOfTheFormatsDocumentIsTheGoldenFile) {
  const std::string bytes = Read(std::filesystem::path(WAYPOST_GOLDEN_DIR) / "1.0-popularity.waypost");
  std::istringstream document(Read(std::filesystem::path(WAYPOST_GOLDEN_DIR) / "../../docs/model-format.md"));
  int lines = 0;
  for (std::string line; std::getline(document, line);) {
    std::size_t offset = 0;
    int consumed = 0;
    if (std::sscanf(line.c_str(), "    %4zx  %n", &offset, &consumed) != 1 || consumed != 10) continue;
    ++lines;
    std::istringstream numbers(line.substr(10, 47));
    for (std::string number; numbers >> number; ++offset) {
      ASSERT_LT(offset, bytes.size()) << line;
      EXPECT_EQ(std::stoul(number, nullptr, 16), static_cast<unsigned char>(bytes[offset])) << line;
    }
  }
  EXPECT_GT(lines, 20);
}

}  // namespace
}  // namespace waypost
