#include "file/model_codec.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/shown.hpp"
#include "waypost/model/ease_model.hpp"
#include "waypost/model/explicit_als_model.hpp"
#include "waypost/model/graph_filter_model.hpp"
#include "waypost/model/ials_model.hpp"
#include "waypost/model/logistic_mf_model.hpp"
#include "waypost/model/pairwise_model.hpp"
#include "waypost/model/popularity.hpp"
#include "waypost/model/sparse_item_model.hpp"
#include "waypost/model/user_knn_model.hpp"

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

// Scores stay finite only for weights of this size.
std::optional<Fault> CheckSparseWeights(std::span<const float> values) {
  for (std::size_t n = 0; n < values.size(); ++n)
    if (!(std::abs(values[n]) <= SparseItemModel::kMaxWeight))
      return Fault{n, absl::StrCat("a number of size at most ", SparseItemModel::kMaxWeight), absl::StrCat(values[n])};
  return std::nullopt;
}

absl::StatusOr<EncodedModel> EncodeSparseItem(const SparseItemModel& item, std::uint32_t model) {
  const SparseMatrix& weights = item.weights();
  if (weights.rows() != weights.columns())
    return absl::InvalidArgumentError(
        absl::StrCat("SparseItemModel.weights: want ", weights.columns(), " rows, got ", weights.rows()));
  const std::span<const std::uint64_t> offsets = weights.offsets().span();
  const std::span<const std::uint32_t> columns = weights.column_indices().span();
  if (offsets.empty()) return absl::InvalidArgumentError("SparseItemModel.weights: want at least 1 item, got none");
  WAYPOST_RETURN_IF_ERROR(FaultOf("SparseItemModel.weights.offsets", CheckOffsets(offsets, columns.size())));
  WAYPOST_RETURN_IF_ERROR(
      FaultOf("SparseItemModel.weights.columns", CheckColumns(offsets, columns, weights.columns())));
  WAYPOST_RETURN_IF_ERROR(FaultOf("SparseItemModel.weights.values", CheckSparseWeights(weights.values().span())));
  EncodedModel encoded;
  encoded.version_minor = item.kind() == "item-knn" ? 1 : 2;
  encoded.sections = {{SectionType::kSparseItemOffsets, model, AsBytes(offsets)},
                      {SectionType::kSparseItemColumns, model, AsBytes(columns)}};
  if (weights.weighted())
    encoded.sections.push_back({SectionType::kSparseItemValues, model, AsBytes(weights.values().span())});
  return encoded;
}

absl::StatusOr<std::shared_ptr<const Scorer>> DecodeSparseItem(const SectionReader& reader, std::string_view kind,
                                                               std::uint32_t model, std::uint64_t items) {
  WAYPOST_ASSIGN_OR_RETURN(SparseMatrix weights,
                           reader.Rows(SectionType::kSparseItemOffsets, SectionType::kSparseItemColumns,
                                       SectionType::kSparseItemValues, model, items, items));
  if (reader.full())
    WAYPOST_RETURN_IF_ERROR(reader.FromFault(SectionType::kSparseItemValues, model, sizeof(float),
                                             CheckSparseWeights(weights.values().span())));
  return std::make_shared<const SparseItemModel>(kind, std::move(weights));
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
  if (const auto* item = dynamic_cast<const SparseItemModel*>(&scorer)) return EncodeSparseItem(*item, model);
  if (const auto* ease = dynamic_cast<const EaseModel*>(&scorer)) return EncodeEase(*ease, model);
  if (const auto* ials = dynamic_cast<const IalsModel*>(&scorer)) return EncodeIals(*ials, model);
  if (const auto* filter = dynamic_cast<const GraphFilterModel*>(&scorer))
    return EncodeGraphFilter(*filter, model, users);
  if (const auto* pairwise = dynamic_cast<const PairwiseModel*>(&scorer)) return EncodePairwise(*pairwise, model);
  if (const auto* als = dynamic_cast<const ExplicitAlsModel*>(&scorer)) return EncodeExplicitAls(*als, model);
  if (const auto* knn = dynamic_cast<const UserKnnModel*>(&scorer)) return EncodeUserKnn(*knn, model, users);
  if (const auto* logistic = dynamic_cast<const LogisticMfModel*>(&scorer)) return EncodeLogisticMf(*logistic, model);
  return absl::UnimplementedError(
      absl::StrCat("Scorer.kind: want a kind that model files hold, got '", internal::ToAbsl(scorer.kind()), "'"));
}

absl::StatusOr<std::shared_ptr<const Scorer>> DecodeModel(const SectionReader& reader, const ModelMetadata& metadata,
                                                          std::uint32_t model, std::uint64_t users,
                                                          std::uint64_t items) {
  if (metadata.kind == "popularity") return DecodePopularity(reader, model, items);
  if (std::find(kSparseItemKinds.begin(), kSparseItemKinds.end(), metadata.kind) != kSparseItemKinds.end())
    return DecodeSparseItem(reader, metadata.kind, model, items);
  if (metadata.kind == "ease") return DecodeEase(reader, model, items);
  if (metadata.kind == "ials") return DecodeIals(reader, metadata.parameters, model, users, items);
  if (metadata.kind == "gf-cf" || metadata.kind == "bspm")
    return DecodeGraphFilter(reader, metadata, model, users, items);
  if (metadata.kind == "bpr" || metadata.kind == "warp") return DecodePairwise(reader, metadata, model, users, items);
  if (metadata.kind == "explicit-als") return DecodeExplicitAls(reader, metadata, model, users, items);
  if (metadata.kind == "user-knn") return DecodeUserKnn(reader, metadata, model, users, items);
  if (metadata.kind == "logistic-mf") return DecodeLogisticMf(reader, metadata, model, users, items);
  return absl::UnimplementedError(absl::StrCat("section metadata, model ", model, ".kind: want a kind that format ",
                                               kVersionMajor, ".", kVersionMinor, " has, got ",
                                               internal::Shown(metadata.kind)));
}

}  // namespace waypost::file
