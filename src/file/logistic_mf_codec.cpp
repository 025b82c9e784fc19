// Logistic matrix factorization in a model file: both factor tables, the item index, the background, and the options as
// parameters.
#include <limits>
#include <optional>
#include <utility>
#include <variant>

#include "file/model_codec.hpp"
#include "file/top_k_codec.hpp"
#include "waypost/model/logistic_mf_model.hpp"

namespace waypost::file {
namespace {

// Rows ascend strictly and are items.
std::optional<Fault> CheckBackgroundRows(std::span<const std::uint32_t> rows, std::uint64_t items) {
  for (std::size_t n = 0; n < rows.size(); ++n) {
    if (rows[n] >= items) return Fault{n, absl::StrCat("below ", items), absl::StrCat(rows[n])};
    if (n > 0 && rows[n] <= rows[n - 1]) return Fault{n, absl::StrCat("above ", rows[n - 1]), absl::StrCat(rows[n])};
  }
  return std::nullopt;
}

std::optional<Fault> CheckBackgroundWeights(std::span<const float> weights) {
  constexpr float kLargest = 4294967296.0f;  // items that one can stand for
  return CheckWithin(weights, std::numeric_limits<float>::min(), kLargest);
}

}  // namespace

absl::StatusOr<EncodedModel> EncodeLogisticMf(const LogisticMfModel& factors, std::uint32_t model) {
  WAYPOST_RETURN_IF_ERROR(Validate(factors.options()));
  const std::size_t dimensions = static_cast<std::size_t>(factors.options().dimensions);
  WAYPOST_RETURN_IF_ERROR(CheckFactors("LogisticMfModel.item_factors", factors.item_factors(), dimensions));
  const LogisticBackground& background = factors.background();
  WAYPOST_RETURN_IF_ERROR(
      FaultOf("LogisticMfModel.background.rows", CheckBackgroundRows(background.rows.span(), factors.item_count())));
  WAYPOST_RETURN_IF_ERROR(
      FaultOf("LogisticMfModel.background.weights", CheckBackgroundWeights(background.weights.span())));
  EncodedModel encoded;
  encoded.version_minor = 2;
  encoded.parameters = FormatOptions(factors.options());
  if (factors.user_count() > 0) {
    WAYPOST_RETURN_IF_ERROR(CheckFactors("LogisticMfModel.user_factors", factors.user_factors(), dimensions));
    encoded.sections.push_back({SectionType::kLogisticUserFactors, model, AsBytes(factors.user_factors().values())});
  }
  encoded.sections.push_back({SectionType::kLogisticItemFactors, model, AsBytes(factors.item_factors().values())});
  if (!background.rows.empty()) {
    encoded.sections.push_back({SectionType::kLogisticBackgroundRows, model, AsBytes(background.rows.span())});
    encoded.sections.push_back({SectionType::kLogisticBackgroundWeights, model, AsBytes(background.weights.span())});
  }
  WAYPOST_RETURN_IF_ERROR(
      EncodeTopKTables(factors.item_factors(), factors.item_index().tables(Parallelism()), model, encoded.sections));
  return encoded;
}

absl::StatusOr<std::shared_ptr<const Scorer>> DecodeLogisticMf(const SectionReader& reader,
                                                               const ModelMetadata& metadata, std::uint32_t model,
                                                               std::uint64_t users, std::uint64_t items) {
  WAYPOST_ASSIGN_OR_RETURN(const ModelOptions read, ReadModelOptions(metadata, model));
  const LogisticMfOptions& options = std::get<LogisticMfOptions>(read);
  const std::size_t dimensions = static_cast<std::size_t>(options.dimensions);
  if (!reader.Has(SectionType::kLogisticUserFactors, model)) users = 0;  // left out: every user is folded in
  FactorMatrix user_factors(0, dimensions, {});
  if (users > 0) {
    WAYPOST_ASSIGN_OR_RETURN(user_factors,
                             ReadFactors(reader, SectionType::kLogisticUserFactors, model, users, dimensions));
  }
  WAYPOST_ASSIGN_OR_RETURN(FactorMatrix item_factors,
                           ReadFactors(reader, SectionType::kLogisticItemFactors, model, items, dimensions));
  LogisticBackground background;
  if (reader.Has(SectionType::kLogisticBackgroundRows, model)) {  // few: checked however the file is opened
    WAYPOST_ASSIGN_OR_RETURN(background.rows, reader.Array<std::uint32_t>(SectionType::kLogisticBackgroundRows, model));
    WAYPOST_RETURN_IF_ERROR(reader.FromFault(SectionType::kLogisticBackgroundRows, model, sizeof(std::uint32_t),
                                             CheckBackgroundRows(background.rows.span(), items)));
    WAYPOST_ASSIGN_OR_RETURN(background.weights, reader.Array<float>(SectionType::kLogisticBackgroundWeights, model,
                                                                     background.rows.size()));
    WAYPOST_RETURN_IF_ERROR(reader.FromFault(SectionType::kLogisticBackgroundWeights, model, sizeof(float),
                                             CheckBackgroundWeights(background.weights.span())));
  }
  WAYPOST_ASSIGN_OR_RETURN(std::optional<TopKTables> tables, DecodeTopKTables(reader, item_factors, model));
  TopKIndex index =
      tables ? TopKIndex(std::move(item_factors), *std::move(tables)) : TopKIndex(std::move(item_factors));
  return std::make_shared<const LogisticMfModel>(options, std::move(background), std::move(user_factors),
                                                 std::move(index));
}

}  // namespace waypost::file
