// BPR and WARP in a model file: both factor tables, the item index, the mean strength, and the options as parameters.
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <variant>

#include "file/model_codec.hpp"
#include "file/top_k_codec.hpp"
#include "waypost/model/pairwise_model.hpp"

namespace waypost::file {
namespace {

ModelOptions OptionsOf(const PairwiseOptions& options) {
  if (options.loss == PairwiseLoss::kBpr) return BprOptions(options);
  return WarpOptions(options);
}

absl::StatusOr<PairwiseOptions> ReadOptions(const ModelMetadata& metadata, std::uint32_t model) {
  WAYPOST_ASSIGN_OR_RETURN(const ModelOptions options, ReadModelOptions(metadata, model));
  if (const auto* bpr = std::get_if<BprOptions>(&options)) return PairwiseOptions(*bpr);
  return PairwiseOptions(std::get<WarpOptions>(options));
}

std::optional<Fault> CheckMeanStrength(std::span<const float> mean) {
  return CheckWithin(mean, std::numeric_limits<float>::min(), kMaxStrength);
}

}  // namespace

absl::StatusOr<EncodedModel> EncodePairwise(const PairwiseModel& pairwise, std::uint32_t model) {
  WAYPOST_RETURN_IF_ERROR(Validate(pairwise.options()));
  const std::size_t dimensions = static_cast<std::size_t>(pairwise.options().dimensions);
  WAYPOST_RETURN_IF_ERROR(CheckFactors("PairwiseModel.item_factors", pairwise.item_factors(), dimensions));
  const std::span<const float> mean(&pairwise.mean_strength(), 1);
  WAYPOST_RETURN_IF_ERROR(FaultOf("PairwiseModel.mean_strength", CheckMeanStrength(mean)));
  EncodedModel encoded;
  encoded.version_minor = 2;
  encoded.parameters = FormatOptions(OptionsOf(pairwise.options()));
  if (pairwise.user_count() > 0) {
    WAYPOST_RETURN_IF_ERROR(CheckFactors("PairwiseModel.user_factors", pairwise.user_factors(), dimensions));
    encoded.sections.push_back({SectionType::kPairwiseUserFactors, model, AsBytes(pairwise.user_factors().values())});
  }
  encoded.sections.push_back({SectionType::kPairwiseItemFactors, model, AsBytes(pairwise.item_factors().values())});
  encoded.sections.push_back({SectionType::kPairwiseMeanStrength, model, AsBytes(mean)});
  WAYPOST_RETURN_IF_ERROR(
      EncodeTopKTables(pairwise.item_factors(), pairwise.item_index().tables(Parallelism()), model, encoded.sections));
  return encoded;
}

absl::StatusOr<std::shared_ptr<const Scorer>> DecodePairwise(const SectionReader& reader, const ModelMetadata& metadata,
                                                             std::uint32_t model, std::uint64_t users,
                                                             std::uint64_t items) {
  WAYPOST_ASSIGN_OR_RETURN(const PairwiseOptions options, ReadOptions(metadata, model));
  const std::size_t dimensions = static_cast<std::size_t>(options.dimensions);
  if (!reader.Has(SectionType::kPairwiseUserFactors, model)) users = 0;  // left out: every user is folded in
  FactorMatrix user_factors(0, dimensions, {});
  if (users > 0) {
    WAYPOST_ASSIGN_OR_RETURN(user_factors,
                             ReadFactors(reader, SectionType::kPairwiseUserFactors, model, users, dimensions));
  }
  WAYPOST_ASSIGN_OR_RETURN(FactorMatrix item_factors,
                           ReadFactors(reader, SectionType::kPairwiseItemFactors, model, items, dimensions));
  WAYPOST_ASSIGN_OR_RETURN(const SharedArray<float> mean,
                           reader.Array<float>(SectionType::kPairwiseMeanStrength, model, 1));
  WAYPOST_RETURN_IF_ERROR(  // one number: checked however the file is opened
      reader.FromFault(SectionType::kPairwiseMeanStrength, model, sizeof(float), CheckMeanStrength(mean.span())));
  WAYPOST_ASSIGN_OR_RETURN(std::optional<TopKTables> tables, DecodeTopKTables(reader, item_factors, model));
  TopKIndex index =
      tables ? TopKIndex(std::move(item_factors), *std::move(tables)) : TopKIndex(std::move(item_factors));
  return std::make_shared<const PairwiseModel>(options, mean[0], std::move(user_factors), std::move(index));
}

}  // namespace waypost::file
