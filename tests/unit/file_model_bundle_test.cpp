#include "waypost/file/model_bundle.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/bundles.hpp"
#include "waypost/file/inspect.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using testing_support::AllScores;
using testing_support::BundleShape;
using testing_support::BytesOf;
using testing_support::DictionaryOf;
using testing_support::SmallBundle;

std::filesystem::path FreshFolder(const std::string& name) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("waypost-" + std::to_string(getpid()) + "-" + name);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

void ExpectEqual(const IdDictionary& a, const IdDictionary& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::uint32_t n = 0; n < a.size(); ++n) {
    EXPECT_EQ(a.id(n), b.id(n));
    EXPECT_EQ(b.Find(a.id(n)), n);
  }
  EXPECT_EQ(b.Find("nobody"), std::nullopt);
  EXPECT_EQ(b.Find(""), std::nullopt);
}

void ExpectEqual(const ModelBundle& a, const ModelBundle& b) {
  ExpectEqual(a.users, b.users);
  ExpectEqual(a.items, b.items);
  ASSERT_EQ(a.titles.size(), b.titles.size());
  for (std::uint32_t n = 0; n < a.titles.size(); ++n)
    EXPECT_EQ(a.titles.title(ItemIndex{n}), b.titles.title(ItemIndex{n}));
  EXPECT_EQ(a.default_model, b.default_model);
  EXPECT_EQ(a.facts, b.facts);
  ASSERT_EQ(a.models.size(), b.models.size());
  for (std::size_t n = 0; n < a.models.size(); ++n) {
    EXPECT_EQ(a.models[n].name, b.models[n].name);
    EXPECT_EQ(a.models[n].options, b.models[n].options);
    EXPECT_EQ(a.models[n].scorer->kind(), b.models[n].scorer->kind());
    EXPECT_EQ(AllScores(a, *a.models[n].scorer), AllScores(b, *b.models[n].scorer));  // to the bit
  }
}

TEST(ModelBundle, OpensAsItWasSaved) {
  for (const std::size_t items : {1, 5, 40}) {
    for (const int dimensions : {1, 3, 16, 17}) {
      SCOPED_TRACE(testing::Message() << items << " items, " << dimensions << " dimensions");
      const ModelBundle bundle = SmallBundle({.items = items, .dimensions = dimensions, .titles = items != 1});
      const std::vector<std::byte> bytes = BytesOf(bundle);
      for (const OpenCheck check : {OpenCheck::kFull, OpenCheck::kStructure}) {
        const absl::StatusOr<ModelBundle> opened = OpenBundleFromMemory(bytes, {.check = check});
        ASSERT_TRUE(opened.ok()) << opened.status();
        ExpectEqual(bundle, *opened);
        EXPECT_EQ(BytesOf(*opened), bytes);
      }
    }
  }
}

TEST(ModelBundle, OpensFromAMappedFileThatMayBeReplacedMeanwhile) {
  const std::filesystem::path path = FreshFolder("replace") / "model.waypost";
  const ModelBundle first = SmallBundle();
  ASSERT_TRUE(SaveBundle(first, path).ok());
  const absl::StatusOr<ModelBundle> opened = OpenBundle(path);
  ASSERT_TRUE(opened.ok()) << opened.status();
  ASSERT_TRUE(SaveBundle(SmallBundle({.items = 40}), path).ok());
  ExpectEqual(first, *opened);
  EXPECT_EQ(OpenBundle(path)->items.size(), 40u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path.parent_path()), {}), 1);
  std::filesystem::remove_all(path.parent_path());
}

TEST(ModelBundle, ABundleMayBeSavedOverTheFileItWasOpenedFrom) {
  const std::filesystem::path path = FreshFolder("over") / "model.waypost";
  ASSERT_TRUE(SaveBundle(SmallBundle(), path).ok());
  const absl::StatusOr<ModelBundle> opened = OpenBundle(path);
  ASSERT_TRUE(opened.ok());
  ASSERT_TRUE(SaveBundle(*opened, path).ok());
  ExpectEqual(*opened, *OpenBundle(path));
  std::filesystem::remove_all(path.parent_path());
}

TEST(ModelBundle, HasTheSameBytesForOneTwoAndSevenTrainingThreads) {
  BundleShape shape{.users = 300, .items = 90, .dimensions = 8};
  const std::vector<std::byte> expected = BytesOf(SmallBundle(shape));
  for (const int threads : {2, 7}) {
    shape.threads = threads;
    EXPECT_EQ(BytesOf(SmallBundle(shape)), expected) << threads;
  }
}

TEST(ModelBundle, KeepsStrengthsSeenOnlyAndRejectedEntriesOfTheHistory) {
  ModelBundle bundle = SmallBundle({.users = 2, .items = 3, .kinds = {"popularity"}});
  bundle.history = SparseMatrix(3, SharedArray<std::uint64_t>({0, 2, 3}), SharedArray<std::uint32_t>({0, 2, 1}),
                                SharedArray<float>({0.0f, -1.0f, 2.5f}));
  const absl::StatusOr<ModelBundle> opened = OpenBundleFromMemory(BytesOf(bundle));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_THAT(opened->history.values().span(), testing::ElementsAre(0.0f, -1.0f, 2.5f));
  EXPECT_THAT(opened->history.row(1).columns, testing::ElementsAre(1u));
}

TEST(ModelBundle, MayLeaveOutHistoryTitlesAndUsers) {
  ModelBundle bundle = SmallBundle({.titles = false});
  bundle.history = {};
  bundle.users = {};
  const IalsModel& ials = static_cast<const IalsModel&>(*bundle.models[2].scorer);
  bundle.models[2].scorer = std::make_shared<const IalsModel>(ials.options(), FactorMatrix(0, ials.dimensions(), {}),
                                                              ials.item_factors(), ials.gramian_eigenvalues());
  const absl::StatusOr<ModelBundle> opened = OpenBundleFromMemory(BytesOf(bundle));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->users.size(), 0u);
  EXPECT_EQ(opened->users.Find("u0"), std::nullopt);
  EXPECT_EQ(opened->history.rows(), 0u);
  EXPECT_EQ(opened->models[2].scorer->user_count(), 0u);
}

TEST(ModelBundle, KeepsEveryOptionOfIals) {
  ModelBundle bundle = SmallBundle({.kinds = {"ials"}});
  const IalsModel& trained = static_cast<const IalsModel&>(*bundle.models[0].scorer);
  const IalsOptions options{.dimensions = 3,
                            .epochs = 77,
                            .regularization = 0.0123456789f,
                            .regularization_exponent = 0.7f,
                            .unobserved_weight = 1e-7f,
                            .init_sd = 0.3f,
                            .patience = 5,
                            .solver = IalsSolver::kCg,
                            .cg_steps = 9,
                            .seed = std::numeric_limits<std::uint64_t>::max()};
  bundle.models[0].scorer = std::make_shared<const IalsModel>(options, trained.user_factors(), trained.item_factors(),
                                                              trained.gramian_eigenvalues());
  const absl::StatusOr<ModelBundle> opened = OpenBundleFromMemory(BytesOf(bundle));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(static_cast<const IalsModel&>(*opened->models[0].scorer).options(), options);
}

TEST(ModelBundle, RefusesToSaveWhatItWouldRefuseToOpen) {
  const auto refused = [](ModelBundle bundle, const std::string& message) {
    const absl::Status status = SaveBundleToMemory(bundle).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  };
  ModelBundle bundle = SmallBundle();
  bundle.models.clear();
  refused(bundle, "ModelBundle.models: want 1..64, got 0");
  bundle = SmallBundle();
  bundle.default_model = "ease";
  refused(bundle, "ModelBundle.default_model: want the name of a model, got 'ease'");
  bundle = SmallBundle();
  bundle.models[1].name = "popularity";
  refused(bundle, "NamedModel.name: want unique names, got 'popularity' twice");
  bundle = SmallBundle();
  bundle.models[0].name = "a b";
  refused(bundle, "NamedModel.name");
  bundle = SmallBundle();
  bundle.models[0].scorer = nullptr;
  refused(bundle, "NamedModel.scorer: want a model, got null");
  bundle = SmallBundle();
  bundle.users = DictionaryOf({"one"});
  refused(bundle, "ModelBundle.history: want 1 rows or none, got 7");
  bundle = SmallBundle();
  bundle.items = DictionaryOf({"one"});
  refused(bundle, "ModelBundle.titles: want 1 titles or none, got 5");
  bundle = SmallBundle();
  bundle.users = DictionaryOf({"a", "b", "c", "d", "e", "f", "\xFFg"});
  refused(bundle, "ModelBundle.users.bytes[6]: want UTF-8 in text 6, got byte 0xff");
  bundle = SmallBundle();
  bundle.models[0].scorer = std::make_shared<const PopularityModel>(
      SharedArray<float>({1, std::numeric_limits<float>::quiet_NaN(), 1, 1, 1}));
  refused(bundle, "PopularityModel.scores[1]: want a finite number, got nan");
  bundle = SmallBundle();
  bundle.models[0].options.assign(300, {"a", "b"});
  refused(bundle, "NamedModel.options: want at most 256 settings, got 300");
}

TEST(ModelBundle, RefusesMoreMetadataThanAReaderTakes) {
  ModelBundle bundle = SmallBundle({.kinds = {"popularity"}});
  bundle.facts.settings.assign(256, {std::string(600, 'a'), std::string(600, 'b')});
  EXPECT_EQ(SaveBundleToMemory(bundle).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(ModelBundle, NamesWhatIsWrongWithAPath) {
  const std::filesystem::path folder = FreshFolder("paths");
  const ModelBundle bundle = SmallBundle({.kinds = {"popularity"}});
  EXPECT_EQ(OpenBundle(folder / "none.waypost").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(OpenBundle(folder).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenBundle("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenBundle("/dev/null").status().code(), absl::StatusCode::kInvalidArgument);
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(OpenBundle(folder / "pipe").status().code(), absl::StatusCode::kInvalidArgument);  // and does not wait
  std::ofstream(folder / "empty.waypost");
  EXPECT_EQ(OpenBundle(folder / "empty.waypost").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(SaveBundle(bundle, folder / "no" / "model.waypost").code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(SaveBundle(bundle, folder).ok());
  EXPECT_EQ(SaveBundle(bundle, "").code(), absl::StatusCode::kInvalidArgument);
  std::filesystem::remove_all(folder);
}

TEST(ModelBundle, NeverReplacesAPipeOrADevice) {
  const std::filesystem::path folder = FreshFolder("devices");
  const std::filesystem::path pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const ModelBundle bundle = SmallBundle({.kinds = {"popularity"}});
  EXPECT_EQ(SaveBundle(bundle, pipe).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CheckSavePath(pipe).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  std::filesystem::create_symlink(pipe, folder / "link");
  EXPECT_EQ(SaveBundle(bundle, folder / "link").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  std::filesystem::remove_all(folder);
}

TEST(ModelBundle, ReplacesTheFileThatASymbolicLinkLeadsTo) {
  const std::filesystem::path folder = FreshFolder("links");
  std::filesystem::create_directories(folder / "store");
  const std::filesystem::path file = folder / "store" / "model.waypost";
  const ModelBundle bundle = SmallBundle({.items = 7, .kinds = {"popularity"}});
  ASSERT_TRUE(SaveBundle(SmallBundle({.items = 9, .kinds = {"popularity"}}), file).ok());
  std::filesystem::create_symlink(file, folder / "current");
  ASSERT_TRUE(SaveBundle(bundle, folder / "current").ok());
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "current"));
  EXPECT_EQ(OpenBundle(file)->items.size(), 7u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / "store"), {}), 1);
  std::filesystem::remove_all(folder);
}

TEST(ModelBundle, SaysWhetherAPathCanBeWrittenWithoutLeavingAnything) {
  const std::filesystem::path folder = FreshFolder("check");
  EXPECT_TRUE(CheckSavePath(folder / "model.waypost").ok());
  EXPECT_EQ(CheckSavePath(folder / "no" / "model.waypost").code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(CheckSavePath(folder).ok());
  EXPECT_EQ(CheckSavePath("").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  std::filesystem::remove_all(folder);
}

TEST(Inspect, ListsSectionsModelsAndFacts) {
  const std::filesystem::path path = FreshFolder("inspect") / "model.waypost";
  ASSERT_TRUE(SaveBundle(SmallBundle(), path).ok());
  const absl::StatusOr<BundleInfo> info = InspectBundle(path);
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->file_size, std::filesystem::file_size(path));
  EXPECT_EQ(info->version_major, 1);
  EXPECT_EQ(info->users, 7u);
  EXPECT_EQ(info->items, 5u);
  EXPECT_TRUE(info->has_titles);
  EXPECT_TRUE(info->has_history);
  EXPECT_EQ(info->default_model, "ials");
  EXPECT_EQ(info->facts.settings, (Settings{{"duplicates", "max"}}));
  ASSERT_EQ(info->models.size(), 3u);
  EXPECT_EQ(info->models[0].kind, "popularity");
  EXPECT_EQ(info->models[0].size_bytes, 5 * sizeof(float));
  EXPECT_EQ(info->models[2].parameters.front(), (std::pair<std::string, std::string>{"dimensions", "3"}));
  EXPECT_EQ(info->sections.front().name, "metadata");
  EXPECT_EQ(info->sections.back().name, "ials item head");
  EXPECT_THAT(info->problems, testing::IsEmpty());
  EXPECT_THAT(VerifyBundle(path)->problems, testing::IsEmpty());
  EXPECT_EQ(InspectBundle(path.string() + "x").status().code(), absl::StatusCode::kNotFound);
  std::filesystem::remove_all(path.parent_path());
}

TEST(Verify, ListsEveryDamagedSection) {
  std::vector<std::byte> bytes = BytesOf(SmallBundle());
  const absl::StatusOr<BundleInfo> sound = VerifyBundleFromMemory(bytes);
  ASSERT_TRUE(sound.ok());
  for (const SectionInfo& section : sound->sections)
    if (section.name == "title bytes" || section.name == "popularity scores") bytes[section.offset] ^= std::byte{1};
  const absl::StatusOr<BundleInfo> damaged = VerifyBundleFromMemory(bytes);
  ASSERT_TRUE(damaged.ok());
  EXPECT_THAT(damaged->problems, testing::ElementsAre(HasSubstr("section title bytes.checksum at offset"),
                                                      HasSubstr("section popularity scores of model 1.checksum")));
}

}  // namespace
}  // namespace waypost
