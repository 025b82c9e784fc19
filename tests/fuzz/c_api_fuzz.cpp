// Sequences of C calls with hostile arguments: columns whose offsets and bytes lie, structures of any size, indices,
// counts and weights of any value. Whatever comes, a call returns an error with a message or an answer that keeps its
// promises. Buffers are exactly as large as the caller says, so that the address sanitizer sees any further read.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "c_api/world.hpp"
#include "waypost.h"

namespace waypost::c_api_test {
namespace {

void Want(bool condition) {
  if (!condition) std::abort();
}

// Hands out the fuzzer's bytes; zeros after the end.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

  bool empty() const { return left_ == 0; }

  template <typename Number>
  Number Take() {
    Number number{};
    const std::size_t size = std::min(left_, sizeof(number));
    std::memcpy(&number, data_, size);
    data_ += size;
    left_ -= size;
    return number;
  }
  std::uint32_t Below(std::uint32_t limit) { return Take<std::uint8_t>() % limit; }

  // Mostly a small number, sometimes any.
  std::uint32_t Index(std::uint32_t usual) { return Below(8) == 0 ? Take<std::uint32_t>() : Below(usual); }

  template <typename Number>
  std::vector<Number> Array(std::size_t count) {
    std::vector<Number> numbers(count);
    for (Number& number : numbers) number = Take<Number>();
    return numbers;
  }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

bool Succeeds(waypost_error* owned) {
  const Error error(owned);
  if (error == nullptr) return true;
  Want(waypost_error_code(error.get()) != WAYPOST_OK);
  Want(waypost_error_message(error.get())[0] != '\0');
  Want(waypost_error_code(error.get()) != WAYPOST_INTERNAL);
  return false;
}

// A structure in memory of exactly the size it says.
template <typename Struct>
class Sized {
 public:
  Sized(const Struct& value, Input& input) {
    std::uint32_t size = sizeof(Struct);
    if (input.Below(8) == 0) size = input.Take<std::uint8_t>() * 4u;
    if (input.Below(32) == 0) size = input.Take<std::uint32_t>();
    const std::size_t bytes = size > 4096 ? sizeof(size) : std::max<std::size_t>(size, sizeof(size));
    memory_ = std::make_unique<unsigned char[]>(bytes);  // aligned for any structure
    std::memcpy(memory_.get(), &value, std::min(bytes, sizeof(Struct)));
    std::memcpy(memory_.get(), &size, sizeof(size));
    if (bytes > sizeof(Struct) && input.Below(4) == 0) memory_[bytes - 1] = input.Take<std::uint8_t>();
  }
  Struct* get() { return reinterpret_cast<Struct*>(memory_.get()); }

 private:
  std::unique_ptr<unsigned char[]> memory_;
};

// A column of ids with the buffers it points to.
class Column {
 public:
  explicit Column(Input& input) : Column(input, input.Below(12)) {}

  Column(Input& input, std::uint32_t count) {
    ids_.count = count;
    if (input.Below(32) == 0) ids_.reserved = input.Take<std::uint32_t>();
    const std::uint32_t form = input.Below(8);
    if (form == 0) {
      numbers_ = input.Array<std::int64_t>(count);
      ids_.numbers = numbers_.data();
    } else if (form == 1) {
      indices_ = input.Array<std::uint32_t>(count);
      for (std::uint32_t& index : indices_) index %= 16;
      ids_.indices = indices_.data();
    } else if (form < 6) {
      FillText(input, count, form == 5);
    }  // 6, 7: no form at all
    memory_ = std::make_unique<Sized<waypost_ids>>(ids_, input);
  }

  const waypost_ids* get() { return memory_->get(); }

 private:
  void FillText(Input& input, std::uint32_t count, bool wide) {
    offsets_ = {0};
    for (std::uint32_t n = 0; n < count; ++n) {
      if (input.Below(16) == 0) {
        bytes_.push_back(static_cast<char>(input.Take<std::uint8_t>()));
      } else {
        bytes_ += (input.Below(2) == 0 ? "u" : "c") + std::to_string(input.Below(14));
      }
      offsets_.push_back(static_cast<std::int32_t>(bytes_.size()));
    }
    if (count > 0 && input.Below(8) == 0) offsets_[input.Below(count + 1)] = input.Take<std::int32_t>();
    text_.assign(bytes_.begin(), bytes_.end());
    ids_.bytes = text_.data();
    ids_.bytes_size = text_.size();
    if (wide) {
      wide_.assign(offsets_.begin(), offsets_.end());
      if (input.Below(8) == 0) wide_.back() = input.Take<std::int64_t>();
      ids_.offsets64 = wide_.data();
    } else {
      ids_.offsets32 = offsets_.data();
    }
  }

  waypost_ids ids_ = WAYPOST_IDS_INIT;
  std::string bytes_;
  std::vector<char> text_;
  std::vector<std::int32_t> offsets_;
  std::vector<std::int64_t> wide_;
  std::vector<std::int64_t> numbers_;
  std::vector<std::uint32_t> indices_;
  std::unique_ptr<Sized<waypost_ids>> memory_;
};

constexpr std::uint32_t kCapacity = 12;  // the items of the model

struct Answer {
  std::vector<std::uint32_t> items;
  std::vector<float> scores;
  std::vector<std::uint32_t> counts;
  waypost_results results = WAYPOST_RESULTS_INIT;

  Answer(std::size_t rows, std::uint64_t capacity) : items(rows * capacity), scores(rows * capacity), counts(rows) {
    results.row_capacity = capacity;
    results.items = items.data();
    results.scores = scores.data();
    results.counts = counts.data();
  }

  void Check() const {
    for (std::size_t row = 0; row < counts.size(); ++row) {
      Want(counts[row] <= results.row_capacity);
      const std::size_t first = row * results.row_capacity;
      std::set<std::uint32_t> distinct;
      for (std::size_t n = 0; n < counts[row]; ++n) {
        Want(items[first + n] < kCapacity);
        Want(distinct.insert(items[first + n]).second);
        Want(std::isfinite(scores[first + n]));
        if (n > 0) Want(scores[first + n] <= scores[first + n - 1]);
      }
      for (std::size_t n = counts[row]; n < results.row_capacity; ++n) Want(items[first + n] == WAYPOST_NO_INDEX);
    }
  }
};

// A query with the columns it points to.
class Query {
 public:
  explicit Query(Input& input) : history_(input), include_(input), exclude_(input) {
    waypost_query query = WAYPOST_QUERY_INIT;
    query.n = input.Index(kCapacity + 2);
    query.seen = input.Index(3);
    if (input.Below(2) == 0) query.user_index = input.Index(22);
    if (input.Below(4) == 0) {
      query.user = "u3";
      query.user_size = 2;
    }
    if (input.Below(4) == 0) {
      query.model = "popularity";
      query.model_size = input.Below(11);
    }
    weights_ = std::vector<float>(12, 1.0f);
    if (input.Below(2) == 0) weights_[input.Below(12)] = input.Take<float>();
    if (input.Below(2) == 0) query.history = history_.get();
    if (input.Below(2) == 0) query.history_weights = weights_.data();
    if (input.Below(4) == 0) query.include = include_.get();
    if (input.Below(4) == 0) query.exclude = exclude_.get();
    memory_ = std::make_unique<Sized<waypost_query>>(query, input);
  }
  waypost_query* get() { return memory_->get(); }

 private:
  Column history_;
  Column include_;
  Column exclude_;
  std::vector<float> weights_;
  std::unique_ptr<Sized<waypost_query>> memory_;
};

void Train(Input& input) {
  const std::uint32_t count = input.Below(40);
  Column users(input, count);
  Column items(input, input.Below(16) == 0 ? input.Below(40) : count);
  std::vector<std::uint16_t> kinds(count);
  for (std::uint16_t& kind : kinds) kind = static_cast<std::uint16_t>(input.Index(15));
  const std::vector<float> values = input.Array<float>(count);
  const std::vector<std::int64_t> times = input.Array<std::int64_t>(count);
  const std::vector<std::uint8_t> validity = input.Array<std::uint8_t>((count + 7) / 8);
  waypost_events events = WAYPOST_EVENTS_INIT;
  events.users = users.get();
  events.items = items.get();
  if (input.Below(2) == 0) events.kinds = kinds.data();
  if (input.Below(2) == 0) events.values = values.data();
  if (input.Below(2) == 0) events.times_us = times.data();
  if (input.Below(2) == 0) events.value_validity = validity.data();
  if (input.Below(2) == 0) events.time_validity = validity.data();
  waypost_weighting_options weighting = WAYPOST_WEIGHTING_OPTIONS_INIT;
  weighting.transform = input.Index(3);
  weighting.duplicates = input.Index(4);
  if (input.Below(4) == 0) {
    weighting.half_life_days = input.Take<double>();
    weighting.now_us = input.Take<std::int64_t>();
    weighting.use_now = 1;
  }
  Sized<waypost_events> sized_events(events, input);
  Sized<waypost_weighting_options> sized_weighting(weighting, input);
  waypost_interactions* created = nullptr;
  const bool ok = Succeeds(waypost_interactions_create(sized_events.get(), sized_weighting.get(), &created));
  Want(ok == (created != nullptr));
  const Interactions interactions(created);
  if (!ok) return;
  waypost_model* model = nullptr;
  waypost_train_options train = WAYPOST_TRAIN_OPTIONS_INIT;
  train.max_threads = 1;
  bool trained = false;
  if (input.Below(2) == 0) {
    waypost_item_knn_options options = WAYPOST_ITEM_KNN_OPTIONS_INIT;
    options.similarity = input.Index(4);
    options.neighbours = static_cast<std::int32_t>(input.Index(5));
    if (input.Below(4) == 0) options.neighbour_mass = input.Take<float>();
    if (input.Below(4) == 0) options.user_exponent = input.Take<float>();
    trained = Succeeds(waypost_train_item_knn(interactions.get(), &options, &train, &model));
  } else {
    waypost_ials_options options = WAYPOST_IALS_OPTIONS_INIT;
    options.dimensions = 1 + static_cast<std::int32_t>(input.Below(12));
    options.epochs = static_cast<std::int32_t>(input.Below(3));
    if (input.Below(4) == 0) options.regularization = input.Take<float>();
    if (input.Below(4) == 0) options.unobserved_weight = input.Take<float>();
    options.solver = input.Index(3);
    trained = Succeeds(waypost_train_ials(interactions.get(), &options, &train, &model));
  }
  Want(trained == (model != nullptr));
  waypost_model_free(model);
}

// The models of every input: trained once.
const waypost_model* GetModel(std::uint32_t which) {
  static const std::vector<Model> models = [] {
    const Interactions interactions = MakeInteractions();
    waypost_ials_options ials = WAYPOST_IALS_OPTIONS_INIT;
    ials.dimensions = 4;
    ials.epochs = 2;
    waypost_train_options train = WAYPOST_TRAIN_OPTIONS_INIT;
    train.max_threads = 1;
    waypost_model* made[2] = {};
    Want(Succeeds(waypost_train_popularity(interactions.get(), nullptr, &train, &made[0])));
    Want(Succeeds(waypost_train_ials(interactions.get(), &ials, &train, &made[1])));
    std::vector<Model> result;
    result.push_back(TrainKnn());
    result.emplace_back(made[0]);
    result.emplace_back(made[1]);
    return result;
  }();
  return models[which % models.size()].get();
}

void Ask(Input& input) {
  const waypost_model* model = GetModel(input.Below(3));
  const std::uint32_t call = input.Below(6);
  if (call == 0 || call == 1) {
    Query query(input);
    Answer answer(1, input.Below(kCapacity + 3));
    Succeeds(call == 0 ? waypost_recommend(model, query.get(), &answer.results)
                       : waypost_recommend_many(model, query.get(), 1, 1, &answer.results));
    answer.Check();
  } else if (call == 2) {
    Column include(input);
    Column exclude(input);
    waypost_similar_query query = WAYPOST_SIMILAR_QUERY_INIT;
    query.n = input.Index(kCapacity + 2);
    query.item_index = input.Index(14);
    if (input.Below(4) == 0) query.include = include.get();
    if (input.Below(4) == 0) query.exclude = exclude.get();
    Sized<waypost_similar_query> sized(query, input);
    Answer answer(1, kCapacity);
    Succeeds(waypost_similar(model, sized.get(), &answer.results));
    answer.Check();
  } else if (call == 3) {
    Query query(input);
    std::vector<float> vector(input.Below(6));
    std::uint64_t dimensions = 0;
    Succeeds(waypost_fold_in(model, query.get(), vector.data(), vector.size(), &dimensions));
    for (float value : vector) Want(std::isfinite(value));
  } else if (call == 4) {
    Query query(input);
    std::vector<std::uint32_t> items(input.Below(14));
    std::vector<float> amounts(items.size());
    waypost_explanation explanation = WAYPOST_EXPLANATION_INIT;
    explanation.capacity = items.size();
    explanation.items = items.data();
    explanation.amounts = amounts.data();
    Succeeds(waypost_explain(model, query.get(), input.Index(14), &explanation));
    for (float amount : amounts) Want(std::isfinite(amount));
  } else {
    const std::uint32_t count = input.Below(12);
    Column ids(input, count);
    std::vector<std::uint32_t> indices(count);
    Succeeds(waypost_model_find_items(model, ids.get(), indices.data()));
    const char* text = nullptr;
    std::uint64_t size = 0;
    if (Succeeds(waypost_model_user_id(model, input.Index(22), &text, &size))) Want(size > 0 && text[0] == 'u');
  }
}

}  // namespace
}  // namespace waypost::c_api_test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  waypost::c_api_test::Input input(data, size);
  while (!input.empty()) {
    if (input.Below(3) == 0) {
      waypost::c_api_test::Train(input);
    } else {
      waypost::c_api_test::Ask(input);
    }
  }
  return 0;
}
