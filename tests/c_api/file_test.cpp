// What a model file of the C library says about its training.
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "c_api/world.hpp"
#include "waypost.h"

namespace waypost::c_api_test {
namespace {

using testing::HasSubstr;

void ExpectOk(waypost_error* owned) {
  const Error error(owned);
  EXPECT_EQ(error, nullptr) << waypost_error_message(error.get());
}

TEST(SavedModel, SaysTheWeightingToTheLastDigit) {
  const Community community;
  const std::vector<float> values(community.rows(), 1.0f);
  const std::vector<std::int64_t> times_us(community.rows(), 1'000'000);
  waypost_events events = community.events();
  events.values = values.data();
  events.times_us = times_us.data();
  waypost_weighting_options options = WAYPOST_WEIGHTING_OPTIONS_INIT;
  options.use_min_value = 1;
  options.min_value = 0.12345678f;
  options.half_life_days = 30.123456789012;
  options.use_now = 1;
  options.now_us = 2'000'000;
  waypost_interactions* interactions = nullptr;
  ExpectOk(waypost_interactions_create(&events, &options, &interactions));
  const Interactions owned_interactions(interactions);
  waypost_model* model = nullptr;
  ExpectOk(waypost_train_popularity(interactions, nullptr, nullptr, &model));
  const Model owned_model(model);
  const std::string path = testing::TempDir() + "weighting.waypost";
  ExpectOk(waypost_model_save(model, path.data(), path.size()));
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_THAT(bytes, HasSubstr("0.12345678"));
  EXPECT_THAT(bytes, HasSubstr("30.123456789012"));
  EXPECT_THAT(bytes, HasSubstr("2000000"));
}

}  // namespace
}  // namespace waypost::c_api_test
