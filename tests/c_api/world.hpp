// A small community for tests of the C interface, and owners for its objects.
#ifndef WAYPOST_TESTS_C_API_WORLD_HPP_
#define WAYPOST_TESTS_C_API_WORLD_HPP_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost.h"

namespace waypost::c_api_test {

struct Free {
  void operator()(waypost_error* error) const { waypost_error_free(error); }
  void operator()(waypost_interactions* interactions) const { waypost_interactions_free(interactions); }
  void operator()(waypost_model* model) const { waypost_model_free(model); }
};
using Error = std::unique_ptr<waypost_error, Free>;
using Interactions = std::unique_ptr<waypost_interactions, Free>;
using Model = std::unique_ptr<waypost_model, Free>;

// A column of strings in Arrow's form.
struct Strings {
  explicit Strings(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      bytes += text;
      offsets.push_back(static_cast<std::int32_t>(bytes.size()));
    }
  }

  // Lifetime  borrows this object.
  waypost_ids ids() const {
    waypost_ids ids = WAYPOST_IDS_INIT;
    ids.count = offsets.size() - 1;
    ids.bytes = bytes.data();
    ids.bytes_size = bytes.size();
    ids.offsets32 = offsets.data();
    return ids;
  }

  std::string bytes;
  std::vector<std::int32_t> offsets = {0};
};

// 20 users and 12 items in two groups; users take two thirds of their group's items.
inline std::pair<std::vector<std::string>, std::vector<std::string>> Rows() {
  std::pair<std::vector<std::string>, std::vector<std::string>> rows;
  for (int user = 0; user < 20; ++user)
    for (int item = 0; item < 12; ++item) {
      if (item % 2 != user % 2 || (item / 2 + user / 2) % 3 == 0) continue;
      rows.first.push_back("u" + std::to_string(user));
      rows.second.push_back("c" + std::to_string(item));
    }
  return rows;
}

// The rows as columns.
class Community {
 public:
  Community() : Community(Rows()) {}
  Community(const Community&) = delete;  // the ids point into it
  Community& operator=(const Community&) = delete;

  std::size_t rows() const { return user_ids_.count; }
  // Lifetime  borrows this object.
  waypost_events events() const {
    waypost_events events = WAYPOST_EVENTS_INIT;
    events.users = &user_ids_;
    events.items = &item_ids_;
    return events;
  }

 private:
  explicit Community(const std::pair<std::vector<std::string>, std::vector<std::string>>& rows)
      : users_(rows.first), items_(rows.second), user_ids_(users_.ids()), item_ids_(items_.ids()) {}

  Strings users_;
  Strings items_;
  waypost_ids user_ids_;
  waypost_ids item_ids_;
};

inline Interactions MakeInteractions() {
  const Community community;
  const waypost_events events = community.events();
  waypost_interactions* interactions = nullptr;
  const Error error(waypost_interactions_create(&events, nullptr, &interactions));
  return Interactions(interactions);
}

inline Model TrainKnn() {
  const Interactions interactions = MakeInteractions();
  waypost_train_options train = WAYPOST_TRAIN_OPTIONS_INIT;
  train.max_threads = 1;
  waypost_model* model = nullptr;
  const Error error(waypost_train_item_knn(interactions.get(), nullptr, &train, &model));
  return Model(model);
}

}  // namespace waypost::c_api_test

#endif  // WAYPOST_TESTS_C_API_WORLD_HPP_
