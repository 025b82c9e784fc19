// What the opaque types of waypost.h hold.
#ifndef WAYPOST_BINDINGS_C_OBJECTS_HPP_
#define WAYPOST_BINDINGS_C_OBJECTS_HPP_

#include <memory>
#include <utility>

#include "waypost.h"
#include "waypost/file/model_bundle.hpp"
#include "waypost/matrix/weighting.hpp"
#include "waypost/rank/recommender.hpp"

struct waypost_interactions {
  waypost::IdDictionary users;
  waypost::IdDictionary items;
  waypost::ItemTitles titles;
  waypost::Interactions interactions;
  waypost::TrainingFacts facts;
};

struct waypost_model {
  waypost::ModelBundle bundle;
  waypost::Recommender recommender;  // shares the arrays of `bundle`
};

namespace waypost::c {

// Returns a model around a bundle.
// Errors  kInvalidArgument, kNotFound: the bundle's parts do not fit together.
inline absl::StatusOr<std::unique_ptr<waypost_model>> MakeModel(ModelBundle bundle) {
  RecommenderParts parts{.users = bundle.users,
                         .items = bundle.items,
                         .titles = bundle.titles,
                         .history = bundle.history,
                         .models = {},
                         .default_model = bundle.default_model};
  for (const NamedModel& model : bundle.models) parts.models.push_back({model.name, model.scorer});
  WAYPOST_ASSIGN_OR_RETURN(Recommender recommender, Recommender::Create(std::move(parts)));
  return std::make_unique<waypost_model>(waypost_model{std::move(bundle), std::move(recommender)});
}

// Returns the number of threads asked for.
// Errors  kInvalidArgument: more than kMaxThreads.
inline absl::StatusOr<Parallelism> ReadThreads(std::uint32_t max_threads, std::string_view name) {
  constexpr std::uint32_t kMaxThreads = 65536;  // far above any machine; guards against a count passed by mistake
  if (max_threads > kMaxThreads)
    return absl::InvalidArgumentError(
        absl::StrCat(internal::ToAbsl(name), ": want 0..", kMaxThreads, ", got ", max_threads));
  return Parallelism(static_cast<int>(max_threads));
}

}  // namespace waypost::c

#endif  // WAYPOST_BINDINGS_C_OBJECTS_HPP_
