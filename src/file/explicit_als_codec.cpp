// Explicit ALS in a model file: the factor tables, the items' covariances and implicit vectors, the item index and what
// was learned of all users; the options as parameters.
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "file/model_codec.hpp"
#include "file/top_k_codec.hpp"
#include "waypost/model/explicit_als_model.hpp"

namespace waypost::file {
namespace {

using Prior = ExplicitAlsPrior;

// Deviations, noise and variances divide.
std::optional<Fault> CheckPrior(std::span<const double> flat, std::size_t dimensions) {
  constexpr double kLeast = 1e-100, kMost = 1e100;
  if (const std::optional<Fault> fault = CheckWithin(flat, -kMost, kMost)) return fault;
  const auto positive = [&](std::size_t n) {
    return n == 1 || n == 2 || n == 4 || (n >= Prior::kScalars && n < Prior::kScalars + dimensions + 1);
  };
  for (std::size_t n = 0; n < flat.size(); ++n)
    if (positive(n) && flat[n] < kLeast) return Fault{n, "a number above 0", absl::StrCat(flat[n])};
  return std::nullopt;
}

}  // namespace

absl::StatusOr<EncodedModel> EncodeExplicitAls(const ExplicitAlsModel& als, std::uint32_t model) {
  WAYPOST_RETURN_IF_ERROR(Validate(als.options()));
  const std::size_t d = static_cast<std::size_t>(als.options().dimensions);
  WAYPOST_RETURN_IF_ERROR(CheckFactors("ExplicitAlsModel.item_factors", als.item_factors(), d + 2));
  WAYPOST_RETURN_IF_ERROR(CheckFactors("ExplicitAlsModel.covariances", als.covariances(), PackedSize(d + 1)));
  WAYPOST_RETURN_IF_ERROR(CheckFactors("ExplicitAlsModel.implicit", als.implicit(), d + 1));
  EncodedModel encoded;
  encoded.version_minor = 2;
  encoded.parameters = FormatOptions(ModelOptions(als.options()));
  if (als.user_count() > 0) {
    WAYPOST_RETURN_IF_ERROR(CheckFactors("ExplicitAlsModel.user_factors", als.user_factors(), d + 2));
    encoded.sections.push_back({SectionType::kExplicitUserFactors, model, AsBytes(als.user_factors().values())});
  }
  encoded.sections.push_back({SectionType::kExplicitItemFactors, model, AsBytes(als.item_factors().values())});
  encoded.sections.push_back({SectionType::kExplicitItemCovariances, model, AsBytes(als.covariances().values())});
  encoded.sections.push_back({SectionType::kExplicitItemImplicit, model, AsBytes(als.implicit().values())});
  WAYPOST_RETURN_IF_ERROR(FaultOf("ExplicitAlsModel.prior", CheckPrior(als.prior_numbers(), d)));
  encoded.sections.push_back({SectionType::kExplicitPrior, model, AsBytes(als.prior_numbers())});
  WAYPOST_RETURN_IF_ERROR(
      EncodeTopKTables(als.item_factors(), als.item_index().tables(Parallelism()), model, encoded.sections));
  return encoded;
}

absl::StatusOr<std::shared_ptr<const Scorer>> DecodeExplicitAls(const SectionReader& reader,
                                                                const ModelMetadata& metadata, std::uint32_t model,
                                                                std::uint64_t users, std::uint64_t items) {
  WAYPOST_ASSIGN_OR_RETURN(const ModelOptions parsed, ReadModelOptions(metadata, model));
  const ExplicitAlsOptions& options = std::get<ExplicitAlsOptions>(parsed);
  const std::size_t d = static_cast<std::size_t>(options.dimensions);
  if (!reader.Has(SectionType::kExplicitUserFactors, model)) users = 0;  // left out: every user is folded in
  FactorMatrix user_factors(0, d + 2, {});
  if (users > 0) {
    WAYPOST_ASSIGN_OR_RETURN(user_factors, ReadFactors(reader, SectionType::kExplicitUserFactors, model, users, d + 2));
  }
  WAYPOST_ASSIGN_OR_RETURN(FactorMatrix item_factors,
                           ReadFactors(reader, SectionType::kExplicitItemFactors, model, items, d + 2));
  WAYPOST_ASSIGN_OR_RETURN(FactorMatrix covariances,
                           ReadFactors(reader, SectionType::kExplicitItemCovariances, model, items, PackedSize(d + 1)));
  WAYPOST_ASSIGN_OR_RETURN(FactorMatrix implicit,
                           ReadFactors(reader, SectionType::kExplicitItemImplicit, model, items, d + 1));
  WAYPOST_ASSIGN_OR_RETURN(const SharedArray<double> prior,
                           reader.Array<double>(SectionType::kExplicitPrior, model, Prior::NumberCount(d + 1)));
  WAYPOST_RETURN_IF_ERROR(  // few numbers: checked however the file is opened
      reader.FromFault(SectionType::kExplicitPrior, model, sizeof(double), CheckPrior(prior.span(), d)));
  WAYPOST_ASSIGN_OR_RETURN(std::optional<TopKTables> tables, DecodeTopKTables(reader, item_factors, model));
  TopKIndex index =
      tables ? TopKIndex(std::move(item_factors), *std::move(tables)) : TopKIndex(std::move(item_factors));
  return std::make_shared<const ExplicitAlsModel>(options, Prior::FromNumbers(prior.span()), std::move(user_factors),
                                                  std::move(index), std::move(covariances), std::move(implicit));
}

}  // namespace waypost::file
