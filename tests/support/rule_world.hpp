// A catalogue for tests of rules: every type of column, missing values, windows, and prerequisites.
#ifndef WAYPOST_TESTS_SUPPORT_RULE_WORLD_HPP_
#define WAYPOST_TESTS_SUPPORT_RULE_WORLD_HPP_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "support/rank_world.hpp"
#include "waypost/base/random.hpp"
#include "waypost/event/catalogue.hpp"

namespace waypost::testing_support {

inline constexpr std::int64_t kDayUs = 86'400'000'000;

// Items "i0" ... of random facts, each missing now and then, and two that no model has. A course needs earlier ones.
inline Catalogue RandomCatalogue(std::uint64_t seed, std::size_t items) {
  Random random(seed);
  CatalogueBuilder builder;
  const std::vector<std::string> levels = {"beginner", "advanced", "\xe5\x85\xa5\xe9\x97\xa8"};
  const std::vector<std::string> tags = {"java", "c++", "rust", "\xe6\x95\xb0\xe5\xad\xa6", "say \"hi\""};
  for (std::size_t n = 0; n < items + 2; ++n) {
    if (n < items && random.Bernoulli(0.1)) continue;  // the catalogue does not describe it
    CatalogueItem item;
    item.id = n < items ? "i" + std::to_string(n) : "other" + std::to_string(n - items);
    if (random.Bernoulli(0.8)) item.level = levels[random.Below(levels.size())];
    if (random.Bernoulli(0.8)) item.category = "c" + std::to_string(random.Below(4));
    if (random.Bernoulli(0.8)) item.price = static_cast<float>(random.Below(5)) + 0.99f;
    if (random.Bernoulli(0.5)) item.published_us = static_cast<std::int64_t>(random.Below(6)) * kDayUs;
    for (std::size_t t = random.Below(4); t > 0; --t) item.tags.push_back(tags[random.Below(tags.size())]);
    if (random.Bernoulli(0.3)) item.available_from_us = static_cast<std::int64_t>(random.Below(6)) * kDayUs;
    if (random.Bernoulli(0.3))
      item.available_until_us =
          (item.available_from_us ? *item.available_from_us : 0) + static_cast<std::int64_t>(random.Below(6)) * kDayUs;
    if (random.Bernoulli(0.7)) item.attributes.push_back({"hours", std::to_string(random.Below(8))});
    if (random.Bernoulli(0.7)) item.attributes.push_back({"code", random.Bernoulli(0.5) ? "007" : "x y"});
    for (std::size_t p = random.Bernoulli(0.4) ? random.Below(3) : 0; p > 0 && n > 0; --p)
      item.prerequisites.push_back("i" + std::to_string(random.Below(n)));
    builder.Add(std::move(item)).IgnoreError();  // ids are distinct and prices finite
  }
  return std::move(builder).Build();
}

}  // namespace waypost::testing_support

#endif  // WAYPOST_TESTS_SUPPORT_RULE_WORLD_HPP_
