// What the benchmark of the engine works on: gowalla's iALS model enlarged to 100,000 items, and users with 50 events.
//
// Items 0..40,980 are gowalla's, trained with 128 dimensions on its training part. A further item has the direction of
// a random one of them with normal noise half as long as it, and the length of another random one; its popularity is
// that of the latter. The vectors are then turned into the eigenbasis of their own Gramian, as those of a training are.
// Users are gowalla's that have 50 items or more, with 50 of them as events.
#ifndef WAYPOST_BENCHMARKS_ENGINE_WORLD_HPP_
#define WAYPOST_BENCHMARKS_ENGINE_WORLD_HPP_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Eigenvalues>

#include "waypost/base/random.hpp"
#include "waypost/event/reader.hpp"
#include "waypost/file/model_bundle.hpp"
#include "waypost/matrix/weighting.hpp"
#include "waypost/model/ials_training.hpp"
#include "waypost/model/popularity.hpp"
#include "waypost/serve/engine.hpp"

namespace waypost::bench {

inline constexpr std::size_t kItems = 100'000;
inline constexpr std::size_t kDimensions = 128;
inline constexpr std::size_t kEventsOfUser = 50;

inline void Want(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  std::exit(1);
}

template <typename T>
T Want(absl::StatusOr<T> value) {
  Want(value.status());
  return *std::move(value);
}

inline std::string Item(std::size_t item) {
  return "c" + std::to_string(item);
}
inline std::string User(std::size_t user) {
  return "u" + std::to_string(user);
}

inline IdDictionary ItemIds(std::size_t items) {
  IdDictionaryBuilder ids;
  for (std::size_t item = 0; item < items; ++item) Want(ids.Add(Item(item)).status());
  return std::move(ids).Build();
}

inline Interactions ReadGowalla() {
  const char* folder = std::getenv("WAYPOST_DATA");
  if (folder == nullptr) Want(absl::NotFoundError("WAYPOST_DATA: want the folder of the data sets, got none"));
  EventLogBuilder builder;
  Want(ReadEvents(std::string(folder) + "/cf-gowalla/train.txt.gz", {}, builder).status());
  return Want(BuildInteractions(std::move(builder).Build()));
}

// Writes the enlarged model; seeds differ in what was added.
inline void WriteModel(const Interactions& gowalla, const IalsModel& trained, const std::string& file,
                       std::uint64_t seed) {
  using Vectors = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Random random(seed);
  const FactorMatrix& real = trained.item_index().rows();
  const std::size_t known = real.rows();
  Vectors vectors(kItems, kDimensions);
  AlignedVector<float> popularity(kItems);
  const auto vector_of = [&](std::size_t item) {
    return Eigen::Map<const Eigen::RowVectorXf>(real.row(item), kDimensions).cast<double>().eval();
  };
  for (std::size_t item = 0; item < kItems; ++item) {
    const std::size_t donor = item < known ? item : random.Below(known);
    popularity[item] = static_cast<float>(gowalla.positives.item_user().row(donor).size());
    const auto row = static_cast<Eigen::Index>(item);
    if (item < known) {
      vectors.row(row) = vector_of(item);
      continue;
    }
    Eigen::RowVectorXd direction = vector_of(random.Below(known));
    direction /= std::max(direction.norm(), 1e-9);
    for (std::size_t k = 0; k < kDimensions; ++k)
      direction[static_cast<Eigen::Index>(k)] += 0.5 * random.Normal() / std::sqrt(double{kDimensions});
    vectors.row(row) = direction / direction.norm() * vector_of(donor).norm();
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> basis(vectors.transpose() * vectors);
  const Vectors turned = vectors * basis.eigenvectors();
  AlignedVector<float> values(kItems * kDimensions);
  for (std::size_t n = 0; n < values.size(); ++n) values[n] = static_cast<float>(turned.data()[n]);
  std::vector<double> eigenvalues(kDimensions);
  for (std::size_t k = 0; k < kDimensions; ++k)
    eigenvalues[k] = std::max(0.0, basis.eigenvalues()[static_cast<Eigen::Index>(k)]);

  ModelBundle bundle;
  bundle.items = ItemIds(kItems);
  bundle.models.push_back(
      {"ials",
       std::make_shared<IalsModel>(trained.options(), FactorMatrix(0, kDimensions, {}),
                                   FactorMatrix(kItems, kDimensions, SharedArray<float>(std::move(values))),
                                   SharedArray<double>::CopyOf(eigenvalues)),
       {}});
  bundle.models.push_back(
      {"popularity", std::make_shared<PopularityModel>(SharedArray<float>(std::move(popularity))), {}});
  bundle.default_model = "ials";
  Want(SaveBundle(bundle, file));
}

// Fills a store with the catalogue, an event of every item, and the users' events.
inline void FillStore(const Interactions& gowalla, Engine& engine) {
  CatalogueBuilder catalogue;
  Random random(3);
  for (std::size_t item = 0; item < kItems; ++item) {
    CatalogueItem entry;
    entry.id = Item(item);
    entry.price = static_cast<float>(random.Below(1000));
    entry.level = random.Bernoulli(0.5) ? "beginner" : "advanced";
    Want(catalogue.Add(std::move(entry)));
  }
  Want(engine.store().PutCatalogue(std::move(catalogue).Build()));
  EventLogBuilder log;
  const auto append = [&](const std::string& user, std::size_t item) {
    const std::string id = Item(item);
    Want(log.Append({.user = user, .item = id}));
  };
  for (std::size_t item = 0; item < kItems; ++item) append("first", item);
  std::size_t users = 0;
  for (std::size_t user = 0; user < gowalla.positives.users(); ++user) {
    const SparseRowView items = gowalla.positives.user_item().row(user);
    if (items.size() < kEventsOfUser) continue;
    for (std::size_t n = 0; n < kEventsOfUser; ++n)
      append(User(users), items.columns[n * items.size() / kEventsOfUser]);
    ++users;
  }
  Want(engine.store().AppendLog(std::move(log).Build(), "history").status());
  Want(engine.store().Seal());
}

// Fills the store and writes both models.
inline void Prepare(Engine& engine, const std::string (&models)[2]) {
  const Interactions gowalla = ReadGowalla();
  IalsOptions options{.dimensions = static_cast<int>(kDimensions), .epochs = 4};
  options.regularization = 0.00588f;
  options.unobserved_weight = 0.00893f;
  const IalsTraining training = Want(TrainIals(gowalla.positives, options));
  FillStore(gowalla, engine);
  for (std::uint64_t seed = 1; seed <= 2; ++seed) WriteModel(gowalla, training.model, models[seed - 1], seed);
}

}  // namespace waypost::bench

#endif  // WAYPOST_BENCHMARKS_ENGINE_WORLD_HPP_
