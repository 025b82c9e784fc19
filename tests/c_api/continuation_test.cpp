// Trainings through the C interface that are cancelled, kept, gone on with and begun from an older model.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "world.hpp"

namespace waypost::c_api_test {
namespace {

using testing::HasSubstr;

class CContinuation : public testing::Test {
 protected:
  CContinuation()
      : folder_(std::filesystem::temp_directory_path() / ("waypost-c-continuation-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
    waypost_ials_options options = WAYPOST_IALS_OPTIONS_INIT;
    options.dimensions = 8;
    options.epochs = 6;
    options_ = options;
  }
  ~CContinuation() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ / name; }
  // The bytes of a model's file.
  std::string BytesOf(const waypost_model* model) const {
    const std::string path = Path("bytes");
    const Error error(waypost_model_save(model, path.data(), path.size()));
    EXPECT_EQ(error, nullptr);
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  // Trains; `error` receives what went wrong.
  Model Train(const waypost_train_options& train, std::string* message = nullptr, std::uint32_t* code = nullptr) const {
    const Interactions interactions = MakeInteractions();
    waypost_model* model = nullptr;
    const Error error(waypost_train_ials(interactions.get(), &options_, &train, &model));
    if (message != nullptr) *message = waypost_error_message(error.get());
    if (code != nullptr) *code = waypost_error_code(error.get());
    EXPECT_TRUE(message != nullptr || error == nullptr) << waypost_error_message(error.get());
    return Model(model);
  }

  std::filesystem::path folder_;
  waypost_ials_options options_;
};

TEST_F(CContinuation, ACancelledTrainingGoesOnToTheSameBytes) {
  waypost_train_options train = WAYPOST_TRAIN_OPTIONS_INIT;
  const std::string whole = BytesOf(Train(train).get());
  const std::string path = Path("checkpoint");
  train.checkpoint_path = path.data();
  train.checkpoint_path_size = path.size();
  // Cancels inside the epoch after the first checkpoint.
  train.cancelled_context = const_cast<std::string*>(&path);
  train.cancelled = [](void* context) -> std::uint32_t {
    return std::filesystem::exists(*static_cast<const std::string*>(context)) ? 1 : 0;
  };
  std::string message;
  std::uint32_t code = 0;
  EXPECT_EQ(Train(train, &message, &code), nullptr);
  EXPECT_EQ(code, WAYPOST_CANCELLED) << message;
  train.cancelled = nullptr;
  train.resume_path = path.data();
  train.resume_path_size = path.size();
  EXPECT_EQ(BytesOf(Train(train).get()), whole);
}

TEST_F(CContinuation, BeginsFromAnOlderModelUnlessItDoesNotFit) {
  waypost_train_options train = WAYPOST_TRAIN_OPTIONS_INIT;
  const Model older = Train(train);
  train.warm_start = older.get();
  EXPECT_NE(Train(train), nullptr);
  options_.dimensions = 4;
  std::string message;
  EXPECT_EQ(Train(train, &message), nullptr);
  EXPECT_THAT(message, HasSubstr("waypost_train_options.warm_start: older model.dimensions: want 4, got 8"));
}

TEST_F(CContinuation, WrongOptionsAreNamed) {
  waypost_train_options train = WAYPOST_TRAIN_OPTIONS_INIT;
  std::string message;
  train.checkpoint_every = 0;
  EXPECT_EQ(Train(train, &message), nullptr);
  EXPECT_THAT(message, HasSubstr("waypost_train_options.checkpoint_every: want 1..10000, got 0"));
  train = WAYPOST_TRAIN_OPTIONS_INIT;
  train.resume_path = "";
  EXPECT_EQ(Train(train, &message), nullptr);
  EXPECT_THAT(message, HasSubstr("waypost_train_options.resume_path: want 1..4096 bytes"));
  train = WAYPOST_TRAIN_OPTIONS_INIT;
  train.reserved = 1;
  EXPECT_EQ(Train(train, &message), nullptr);
  EXPECT_THAT(message, HasSubstr("waypost_train_options.reserved: want 0, got 1"));
  train = WAYPOST_TRAIN_OPTIONS_INIT;
  train.checkpoint_path = "x";
  train.checkpoint_path_size = 1;
  const Interactions interactions = MakeInteractions();
  waypost_model* model = nullptr;
  const Error error(waypost_train_popularity(interactions.get(), nullptr, &train, &model));
  EXPECT_THAT(waypost_error_message(error.get()), HasSubstr("want a model that trains in epochs, got popularity"));
}

}  // namespace
}  // namespace waypost::c_api_test
