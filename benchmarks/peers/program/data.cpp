#include "data.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

namespace waypost::peers {
namespace {

absl::Status ReadError(const std::string& path) {
  return absl::DataLossError(absl::StrCat(path, ": want more bytes, got the end of the file"));
}

template <typename T>
bool ReadValues(std::ifstream& file, AlignedVector<T>& values) {
  return static_cast<bool>(file.read(reinterpret_cast<char*>(values.data()), values.size() * sizeof(T)));
}

}  // namespace

absl::StatusOr<SparseMatrix> ReadMatrix(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": no such file"));
  AlignedVector<std::uint64_t> header(4);
  if (!ReadValues(file, header)) return ReadError(path);
  AlignedVector<std::uint64_t> offsets(header[0] + 1);
  AlignedVector<std::uint32_t> columns(header[2]);
  AlignedVector<float> values(header[3] != 0 ? header[2] : 0);
  if (!ReadValues(file, offsets) || !ReadValues(file, columns) || !ReadValues(file, values)) return ReadError(path);
  return SparseMatrix(header[1], SharedArray<std::uint64_t>(std::move(offsets)),
                      SharedArray<std::uint32_t>(std::move(columns)), SharedArray<float>(std::move(values)));
}

absl::StatusOr<FactorMatrix> ReadFactors(const std::string& path, std::size_t dimensions) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": no such file"));
  const std::size_t row_bytes = dimensions * sizeof(float);
  const std::size_t rows = static_cast<std::size_t>(file.tellg()) / row_bytes;
  file.seekg(0);
  const std::size_t stride = PaddedDimensions(dimensions);
  AlignedVector<float> values(rows * stride, 0.0f);
  for (std::size_t row = 0; row < rows; ++row)
    if (!file.read(reinterpret_cast<char*>(values.data() + row * stride), row_bytes)) return ReadError(path);
  return FactorMatrix(rows, dimensions, SharedArray<float>(std::move(values)));
}

absl::Status WriteFactors(const FactorMatrix& factors, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  for (std::size_t row = 0; row < factors.rows(); ++row)
    file.write(reinterpret_cast<const char*>(factors.row(row)), factors.dimensions() * sizeof(float));
  if (file.flush()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(path, ": could not be written"));
}

absl::StatusOr<std::shared_ptr<const IalsModel>> ReadFactorModel(const std::string& users, const std::string& items,
                                                                 std::size_t dimensions) {
  WAYPOST_ASSIGN_OR_RETURN(FactorMatrix user_factors, ReadFactors(users, dimensions));
  WAYPOST_ASSIGN_OR_RETURN(FactorMatrix item_factors, ReadFactors(items, dimensions));
  // Stored users alone are scored: no fold-in asks for the weight or the eigenvalues.
  return std::make_shared<const IalsModel>(
      IalsOptions{.dimensions = static_cast<int>(dimensions), .unobserved_weight = 0.0f}, std::move(user_factors),
      std::move(item_factors), SharedArray<double>(AlignedVector<double>(dimensions, 1.0)));
}

absl::Status SaveModel(std::shared_ptr<const Scorer> scorer, std::size_t users, const std::string& path) {
  ModelBundle bundle;
  WAYPOST_ASSIGN_OR_RETURN(bundle.users, NumberedIds(users));
  WAYPOST_ASSIGN_OR_RETURN(bundle.items, NumberedIds(scorer->item_count()));
  bundle.facts = {.events = 0, .users = users, .items = scorer->item_count(), .pairs = 0, .settings = {}};
  bundle.models.push_back({.name = "model", .scorer = std::move(scorer), .options = {}});
  bundle.default_model = "model";
  return SaveBundle(bundle, path);
}

absl::StatusOr<std::shared_ptr<const Scorer>> OpenModel(const std::string& path, OpenCheck check) {
  WAYPOST_ASSIGN_OR_RETURN(const ModelBundle bundle, OpenBundle(path, {.check = check}));
  return bundle.models.front().scorer;
}

absl::StatusOr<IdDictionary> NumberedIds(std::size_t count) {
  IdDictionaryBuilder ids;
  for (std::size_t n = 0; n < count; ++n) WAYPOST_RETURN_IF_ERROR(ids.Add(std::to_string(n)).status());
  return std::move(ids).Build();
}

absl::StatusOr<TestSet> MakeTestSet(SparseMatrix train, const SparseMatrix& test) {
  WAYPOST_ASSIGN_OR_RETURN(IdDictionary users, NumberedIds(train.rows()));
  WAYPOST_ASSIGN_OR_RETURN(IdDictionary items, NumberedIds(train.columns()));
  EventLogBuilder log;
  for (std::uint32_t user = 0; user < test.rows(); ++user) {
    const std::string user_id = std::to_string(user);
    for (std::uint32_t item : test.row(user).columns)
      WAYPOST_RETURN_IF_ERROR(log.Append({.user = user_id, .item = std::to_string(item)}));
  }
  InteractionMatrix positives(train);
  return BuildTestSet({.users = std::move(users),
                       .items = std::move(items),
                       .interactions = {.positives = std::move(positives), .history = std::move(train)}},
                      std::move(log).Build());
}

absl::StatusOr<Quality> Measure(const Scorer& scorer, const TestSet& test, const Parallelism& parallelism) {
  const MetricList metrics = {{MetricKind::kRecall, 20}, {MetricKind::kNdcg, 20}};
  WAYPOST_ASSIGN_OR_RETURN(const Evaluation evaluation,
                           Evaluate(scorer, test, metrics, {.intervals = false}, parallelism));
  Quality quality;
  for (const MetricResult& result : evaluation.metrics) {
    quality.means[result.name] = result.mean;
    const std::size_t count = std::min(kSampleUsers, result.values.size());
    double sum = 0;
    for (std::size_t user = 0; user < count; ++user) sum += result.values[user];
    quality.sample[result.name] = sum / static_cast<double>(count);
  }
  return quality;
}

}  // namespace waypost::peers
