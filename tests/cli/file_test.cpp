// inspect and verify on sound and damaged model files.
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tool.hpp"

namespace waypost::testing_support {
namespace {

using testing::HasSubstr;

class ModelFile : public CliTest {
 protected:
  ModelFile() {
    const ToolResult result =
        Run({"train", "--train", Write("e.csv", TwoTribes(40, 12)), "--model", "item-knn", "--out", Path("m.waypost")});
    EXPECT_EQ(result.exit_status, 0) << result.err;
  }
};

TEST_F(ModelFile, InspectShowsModelsOptionsSectionsAndFacts) {
  const nlohmann::json info = RunJson({"inspect", Path("m.waypost")});
  EXPECT_EQ(info["default_model"], "item-knn");
  ASSERT_EQ(info["models"].size(), 2u);
  EXPECT_EQ(info["models"][0]["options"]["similarity"], "degree");
  EXPECT_EQ(info["models"][1]["name"], "popularity");
  EXPECT_EQ(info["users"], 40);
  EXPECT_EQ(info["items"], 12);
  EXPECT_EQ(info["facts"]["pairs"], info["facts"]["events"]);
  EXPECT_GT(info["sections"].size(), 5u);
  EXPECT_TRUE(info["problems"].empty());
  EXPECT_EQ(info["file_size"], ReadFile(Path("m.waypost")).size());

  const ToolResult table = Run({"inspect", Path("m.waypost")});
  EXPECT_EQ(table.exit_status, 0);
  for (const char* text : {"item-knn", "popularity", "similarity=degree", "default model"})
    EXPECT_THAT(table.out, HasSubstr(text));
}

TEST_F(ModelFile, VerifyPassesASoundFile) {
  const nlohmann::json json = RunJson({"verify", Path("m.waypost")});
  EXPECT_TRUE(json["problems"].empty());
  EXPECT_GT(json["sections"].size(), 5u);
  EXPECT_THAT(Run({"verify", Path("m.waypost")}).out, testing::StartsWith("ok: "));
}

TEST_F(ModelFile, VerifyNamesTheSectionThatADamagedByteIsIn) {
  const std::string sound = ReadFile(Path("m.waypost"));
  const nlohmann::json info = RunJson({"inspect", Path("m.waypost")});
  for (const auto& section : info["sections"]) {
    if (section["size"] == 0) continue;
    const std::string name = section["name"];
    SCOPED_TRACE(name);
    std::string damaged = sound;
    damaged[section["offset"].get<std::size_t>()] ^= 0x20;
    const std::string file = Write("damaged.waypost", damaged);
    const ToolResult result = Run({"verify", file});
    EXPECT_EQ(result.exit_status, 1);
    EXPECT_THAT(result.out, HasSubstr(name));
    EXPECT_THAT(result.err, HasSubstr(file));
    const ToolResult refused = Run({"recommend", "--model", file, "--user", "u1"});
    EXPECT_EQ(refused.exit_status, 1);
    EXPECT_EQ(refused.out, "");
    EXPECT_THAT(refused.err, HasSubstr(name));
  }
}

TEST_F(ModelFile, InspectAndVerifySayWhatIsWrongWithAnyTruncation) {
  const std::string sound = ReadFile(Path("m.waypost"));
  for (std::size_t size = 0; size < sound.size(); size += sound.size() / 16 + 1) {
    SCOPED_TRACE(size);
    const std::string file = Write("cut.waypost", sound.substr(0, size));
    for (const char* verb : {"inspect", "verify"}) {
      const ToolResult result = Run({verb, file, "--json"});
      EXPECT_EQ(result.exit_status, 1);
      const nlohmann::json json = nlohmann::json::parse(result.out, nullptr, false);
      ASSERT_TRUE(json.is_object()) << result.out;
      EXPECT_FALSE(json["problems"].empty());
    }
  }
}

TEST_F(ModelFile, InspectShowsNoZerosForWhatItCouldNotRead) {
  const std::string sound = ReadFile(Path("m.waypost"));
  const ToolResult cut = Run({"inspect", Write("cut.waypost", sound.substr(0, sound.size() / 2))});
  EXPECT_THAT(cut.out, HasSubstr("file size"));
  EXPECT_THAT(cut.out, HasSubstr("header.file_size"));
  for (const char* text : {"0.0", "0 events", "without histories", "default model"})
    EXPECT_THAT(cut.out, testing::Not(HasSubstr(text)));
  std::string damaged = sound;
  damaged[RunJson({"inspect", Path("m.waypost")})["sections"][0]["offset"].get<std::size_t>() + 9] ^= 0x20;
  const ToolResult metadata = Run({"inspect", Write("damaged.waypost", damaged)});
  EXPECT_THAT(metadata.out, HasSubstr("section metadata"));
  EXPECT_THAT(metadata.out, HasSubstr("popularity scores"));
  EXPECT_THAT(metadata.out, testing::Not(HasSubstr("0 events")));
}

TEST_F(ModelFile, AFileThatIsNoModelIsRefused) {
  const std::string file = Write("text.waypost", "user,item\nu1,i1\n" + std::string(200, 'x'));
  EXPECT_THAT(Run({"inspect", file}).err, HasSubstr("(a Waypost model)"));
  EXPECT_EQ(Run({"inspect", file}).exit_status, 1);
  EXPECT_EQ(Run({"verify", file}).exit_status, 1);
  EXPECT_EQ(Run({"similar", "--model", file, "--item", "i1"}).exit_status, 1);
  const ToolResult absent = Run({"verify", Path("absent.waypost")});
  EXPECT_EQ(absent.exit_status, 1);
  EXPECT_THAT(absent.err, HasSubstr("absent.waypost"));
  EXPECT_EQ(absent.out, "");
}

}  // namespace
}  // namespace waypost::testing_support
