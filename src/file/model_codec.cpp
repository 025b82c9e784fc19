#include "file/model_codec.hpp"

#include <cmath>
#include <string>
#include <utility>

#include "base/shown.hpp"
#include "waypost/model/ease_model.hpp"
#include "waypost/model/graph_filter_model.hpp"
#include "waypost/model/ials_model.hpp"
#include "waypost/model/item_knn_model.hpp"
#include "waypost/model/pairwise_model.hpp"
#include "waypost/model/popularity.hpp"

namespace waypost::file {

absl::Status FaultOf(std::string_view what, const std::optional<Fault>& fault) {
  if (!fault) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(internal::ToAbsl(what), "[", fault->element, "]: want ", fault->want, ", got ", fault->got));
}

namespace {

absl::StatusOr<EncodedModel> EncodePopularity(const PopularityModel& popularity, std::uint32_t model) {
  WAYPOST_RETURN_IF_ERROR(FaultOf("PopularityModel.scores", CheckFinite(popularity.scores().span())));
  return EncodedModel{.parameters = {},
                      .sections = {{SectionType::kPopularityScores, model, AsBytes(popularity.scores().span())}}};
}

absl::StatusOr<std::shared_ptr<const Scorer>> DecodePopularity(const SectionReader& reader, std::uint32_t model,
                                                               std::uint64_t items) {
  WAYPOST_ASSIGN_OR_RETURN(SharedArray<float> scores,
                           reader.Array<float>(SectionType::kPopularityScores, model, items));
  if (reader.full())
    WAYPOST_RETURN_IF_ERROR(
        reader.FromFault(SectionType::kPopularityScores, model, sizeof(float), CheckFinite(scores.span())));
  return std::make_shared<const PopularityModel>(std::move(scores));
}

// Scores stay finite only for similarities of this size.
std::optional<Fault> CheckSimilarities(std::span<const float> values) {
  for (std::size_t n = 0; n < values.size(); ++n)
    if (!(std::abs(values[n]) <= ItemKnnModel::kMaxSimilarity))
      return Fault{n, absl::StrCat("a number of size at most ", ItemKnnModel::kMaxSimilarity), absl::StrCat(values[n])};
  return std::nullopt;
}

absl::StatusOr<EncodedModel> EncodeItemKnn(const ItemKnnModel& knn, std::uint32_t model) {
  const SparseMatrix& neighbours = knn.neighbours();
  if (neighbours.rows() != neighbours.columns())
    return absl::InvalidArgumentError(
        absl::StrCat("ItemKnnModel.neighbours: want ", neighbours.columns(), " rows, got ", neighbours.rows()));
  const std::span<const std::uint64_t> offsets = neighbours.offsets().span();
  const std::span<const std::uint32_t> columns = neighbours.column_indices().span();
  if (offsets.empty()) return absl::InvalidArgumentError("ItemKnnModel.neighbours: want at least 1 item, got none");
  WAYPOST_RETURN_IF_ERROR(FaultOf("ItemKnnModel.neighbours.offsets", CheckOffsets(offsets, columns.size())));
  WAYPOST_RETURN_IF_ERROR(
      FaultOf("ItemKnnModel.neighbours.columns", CheckColumns(offsets, columns, neighbours.columns())));
  WAYPOST_RETURN_IF_ERROR(FaultOf("ItemKnnModel.neighbours.values", CheckSimilarities(neighbours.values().span())));
  EncodedModel encoded;
  encoded.sections = {{SectionType::kKnnOffsets, model, AsBytes(offsets)},
                      {SectionType::kKnnColumns, model, AsBytes(columns)}};
  if (neighbours.weighted())
    encoded.sections.push_back({SectionType::kKnnValues, model, AsBytes(neighbours.values().span())});
  return encoded;
}

absl::StatusOr<std::shared_ptr<const Scorer>> DecodeItemKnn(const SectionReader& reader, std::uint32_t model,
                                                            std::uint64_t items) {
  WAYPOST_ASSIGN_OR_RETURN(SparseMatrix neighbours, reader.Rows(SectionType::kKnnOffsets, SectionType::kKnnColumns,
                                                                SectionType::kKnnValues, model, items, items));
  if (reader.full())
    WAYPOST_RETURN_IF_ERROR(
        reader.FromFault(SectionType::kKnnValues, model, sizeof(float), CheckSimilarities(neighbours.values().span())));
  return std::make_shared<const ItemKnnModel>(std::move(neighbours));
}

absl::StatusOr<EncodedModel> EncodeEase(const EaseModel& ease, std::uint32_t model) {
  const std::span<const float> weights = ease.weights().values();
  WAYPOST_RETURN_IF_ERROR(CheckFactors("EaseModel.weights", ease.weights(), ease.item_count()));
  WAYPOST_RETURN_IF_ERROR(
      FaultOf("EaseModel.weights", CheckWithin(weights, -EaseModel::kMaxWeight, EaseModel::kMaxWeight)));
  return EncodedModel{
      .parameters = {}, .sections = {{SectionType::kEaseWeights, model, AsBytes(weights)}}, .version_minor = 2};
}

absl::StatusOr<std::shared_ptr<const Scorer>> DecodeEase(const SectionReader& reader, std::uint32_t model,
                                                         std::uint64_t items) {
  WAYPOST_ASSIGN_OR_RETURN(FactorMatrix weights, ReadFactors(reader, SectionType::kEaseWeights, model, items, items));
  if (reader.full())
    WAYPOST_RETURN_IF_ERROR(
        reader.FromFault(SectionType::kEaseWeights, model, sizeof(float),
                         CheckWithin(weights.values(), -EaseModel::kMaxWeight, EaseModel::kMaxWeight)));
  return std::make_shared<const EaseModel>(std::move(weights));
}

}  // namespace

absl::StatusOr<EncodedModel> EncodeModel(const Scorer& scorer, std::uint32_t model, std::uint64_t users,
                                         std::uint64_t items) {
  if (scorer.item_count() != items)
    return absl::InvalidArgumentError(
        absl::StrCat("Scorer.item_count: want ", items, " (ModelBundle.items), got ", scorer.item_count()));
  if (scorer.user_count() != 0 && scorer.user_count() != users)
    return absl::InvalidArgumentError(
        absl::StrCat("Scorer.user_count: want ", users, " (ModelBundle.users), got ", scorer.user_count()));
  if (const auto* popularity = dynamic_cast<const PopularityModel*>(&scorer))
    return EncodePopularity(*popularity, model);
  if (const auto* knn = dynamic_cast<const ItemKnnModel*>(&scorer)) return EncodeItemKnn(*knn, model);
  if (const auto* ease = dynamic_cast<const EaseModel*>(&scorer)) return EncodeEase(*ease, model);
  if (const auto* ials = dynamic_cast<const IalsModel*>(&scorer)) return EncodeIals(*ials, model);
  if (const auto* filter = dynamic_cast<const GraphFilterModel*>(&scorer))
    return EncodeGraphFilter(*filter, model, users);
  if (const auto* pairwise = dynamic_cast<const PairwiseModel*>(&scorer)) return EncodePairwise(*pairwise, model);
  return absl::UnimplementedError(
      absl::StrCat("Scorer.kind: want a kind that model files hold, got '", internal::ToAbsl(scorer.kind()), "'"));
}

absl::StatusOr<std::shared_ptr<const Scorer>> DecodeModel(const SectionReader& reader, const ModelMetadata& metadata,
                                                          std::uint32_t model, std::uint64_t users,
                                                          std::uint64_t items) {
  if (metadata.kind == "popularity") return DecodePopularity(reader, model, items);
  if (metadata.kind == "item-knn") return DecodeItemKnn(reader, model, items);
  if (metadata.kind == "ease") return DecodeEase(reader, model, items);
  if (metadata.kind == "ials") return DecodeIals(reader, metadata.parameters, model, users, items);
  if (metadata.kind == "gf-cf" || metadata.kind == "bspm")
    return DecodeGraphFilter(reader, metadata, model, users, items);
  if (metadata.kind == "bpr" || metadata.kind == "warp") return DecodePairwise(reader, metadata, model, users, items);
  return absl::UnimplementedError(absl::StrCat("section metadata, model ", model, ".kind: want a kind that format ",
                                               kVersionMajor, ".", kVersionMinor, " has, got ",
                                               internal::Shown(metadata.kind)));
}

}  // namespace waypost::file
