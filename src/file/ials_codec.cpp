// iALS in a model file: both factor tables, the eigenvalues, the item index, the map of features where there is one,
// and the options as parameters.
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/shown.hpp"
#include "file/dictionary_codec.hpp"
#include "file/model_codec.hpp"
#include "file/top_k_codec.hpp"
#include "waypost/base/number_text.hpp"
#include "waypost/model/ials_model.hpp"

namespace waypost::file {
namespace {

Settings Parameters(const IalsOptions& options) {
  Settings parameters = {{"dimensions", internal::NumberText(options.dimensions)},
                         {"epochs", internal::NumberText(options.epochs)},
                         {"regularization", internal::NumberText(options.regularization)},
                         {"regularization_exponent", internal::NumberText(options.regularization_exponent)},
                         {"unobserved_weight", internal::NumberText(*options.unobserved_weight)},
                         {"patience", internal::NumberText(options.patience)},
                         {"solver", std::string(IalsSolverName(options.solver))},
                         {"seed", internal::NumberText(options.seed)}};
  if (options.init_sd) parameters.emplace_back("init_sd", internal::NumberText(*options.init_sd));
  if (options.cg_steps) parameters.emplace_back("cg_steps", internal::NumberText(*options.cg_steps));
  if (options.block) parameters.emplace_back("block", internal::NumberText(*options.block));
  return parameters;
}

const std::string* FindParameter(const Settings& parameters, std::string_view name) {
  for (const auto& [key, value] : parameters)
    if (key == name) return &value;
  return nullptr;
}

absl::Status BadParameter(std::string_view name, std::string_view want, const std::string* got) {
  return absl::DataLossError(absl::StrCat("parameter ", internal::ToAbsl(name), ": want ", internal::ToAbsl(want),
                                          ", got ", got == nullptr ? "none" : internal::Shown(*got)));
}

template <typename T>
absl::Status ReadParameter(const Settings& parameters, std::string_view name, T& value) {
  const std::string* text = FindParameter(parameters, name);
  if (text != nullptr && internal::ReadNumber(*text, value)) return absl::OkStatus();
  return BadParameter(name, "a number", text);
}

absl::StatusOr<IalsOptions> ReadOptions(const Settings& parameters) {
  IalsOptions options;
  WAYPOST_RETURN_IF_ERROR(ReadParameter(parameters, "dimensions", options.dimensions));
  WAYPOST_RETURN_IF_ERROR(ReadParameter(parameters, "epochs", options.epochs));
  WAYPOST_RETURN_IF_ERROR(ReadParameter(parameters, "regularization", options.regularization));
  WAYPOST_RETURN_IF_ERROR(ReadParameter(parameters, "regularization_exponent", options.regularization_exponent));
  WAYPOST_RETURN_IF_ERROR(ReadParameter(parameters, "unobserved_weight", options.unobserved_weight.emplace()));
  if (FindParameter(parameters, "init_sd") != nullptr)
    WAYPOST_RETURN_IF_ERROR(ReadParameter(parameters, "init_sd", options.init_sd.emplace()));
  WAYPOST_RETURN_IF_ERROR(ReadParameter(parameters, "patience", options.patience));
  WAYPOST_RETURN_IF_ERROR(ReadParameter(parameters, "seed", options.seed));
  if (FindParameter(parameters, "cg_steps") != nullptr)
    WAYPOST_RETURN_IF_ERROR(ReadParameter(parameters, "cg_steps", options.cg_steps.emplace()));
  if (FindParameter(parameters, "block") != nullptr)
    WAYPOST_RETURN_IF_ERROR(ReadParameter(parameters, "block", options.block.emplace()));
  const std::string* solver = FindParameter(parameters, "solver");
  for (const IalsSolver known : {IalsSolver::kAuto, IalsSolver::kExact, IalsSolver::kCg, IalsSolver::kBlock}) {
    if (solver == nullptr || *solver != IalsSolverName(known)) continue;
    options.solver = known;
    if (const absl::Status status = Validate(options); !status.ok())
      return absl::DataLossError(absl::StrCat("parameters: ", status.message()));
    return options;
  }
  return BadParameter("solver", "auto, exact, cg or block", solver);
}

absl::Status InMetadata(std::uint32_t model, const absl::Status& status) {
  return internal::AddContext(absl::StrCat(SectionName(SectionType::kMetadata, 0), ", model ", model), status);
}

// The features that a map knows, and how many items the training had.
constexpr std::string_view kFeatures = "features", kTrainedItems = "trained_items";

absl::Status EncodeFeatureMap(const IalsModel& ials, std::uint32_t model, EncodedModel& encoded) {
  const FeatureMap& map = *ials.feature_map();
  WAYPOST_RETURN_IF_ERROR(CheckFactors("FeatureMap.weights", map.weights, ials.dimensions()));
  if (map.names.size() != map.weights.rows())
    return absl::InvalidArgumentError(
        absl::StrCat("FeatureMap.names: want ", map.weights.rows(), ", got ", map.names.size()));
  encoded.version_minor = 2;
  encoded.parameters.emplace_back(kFeatures, internal::NumberText(map.names.size()));
  encoded.parameters.emplace_back(kTrainedItems, internal::NumberText(ials.trained_items()));
  WAYPOST_RETURN_IF_ERROR(AddDictionary("FeatureMap.names", map.names, kFeatureSections, model, encoded.sections));
  encoded.sections.push_back({SectionType::kIalsFeatureWeights, model, AsBytes(map.weights.values())});
  return absl::OkStatus();
}

// What a file says of an iALS model beyond its factors; a model without a map has all of its items from training.
struct FeaturePart {
  std::uint64_t trained_items = 0;
  std::shared_ptr<const FeatureMap> map;
};

absl::Status ReadCount(const Settings& parameters, std::string_view name, std::uint64_t most, std::uint64_t& count) {
  WAYPOST_RETURN_IF_ERROR(ReadParameter(parameters, name, count));
  if (count <= most) return absl::OkStatus();
  return BadParameter(name, absl::StrCat("at most ", most), FindParameter(parameters, name));
}

absl::StatusOr<FeaturePart> DecodeFeatureMap(const SectionReader& reader, const Settings& parameters,
                                             std::uint32_t model, std::uint64_t items, std::size_t dimensions) {
  if (FindParameter(parameters, kFeatures) == nullptr) return FeaturePart{.trained_items = items, .map = nullptr};
  FeaturePart part;
  std::uint64_t features = 0;
  absl::Status counts = ReadCount(parameters, kFeatures, kMaxEntities, features);
  counts.Update(ReadCount(parameters, kTrainedItems, items, part.trained_items));
  if (!counts.ok()) return InMetadata(model, counts);
  FeatureMap map;
  WAYPOST_ASSIGN_OR_RETURN(map.names, ReadDictionary(reader, kFeatureSections, model, features));
  WAYPOST_ASSIGN_OR_RETURN(map.weights,
                           ReadFactors(reader, SectionType::kIalsFeatureWeights, model, features, dimensions));
  part.map = std::make_shared<const FeatureMap>(std::move(map));
  return part;
}

}  // namespace

absl::Status CheckFactors(std::string_view what, const FactorMatrix& table, std::size_t dimensions) {
  if (table.dimensions() != dimensions)
    return absl::InvalidArgumentError(
        absl::StrCat(internal::ToAbsl(what), ": want ", dimensions, " dimensions, got ", table.dimensions()));
  WAYPOST_RETURN_IF_ERROR(FaultOf(what, CheckFinite(table.values())));
  return FaultOf(what, CheckRowPadding(table.values(), dimensions, table.stride()));
}

absl::StatusOr<FactorMatrix> ReadFactors(const SectionReader& reader, SectionType type, std::uint32_t model,
                                         std::uint64_t rows, std::size_t dimensions) {
  const std::size_t stride = PaddedDimensions(dimensions);
  // At most 2^32 - 2 rows of 2^32 elements: the product fits.
  WAYPOST_ASSIGN_OR_RETURN(SharedArray<float> values, reader.Array<float>(type, model, rows * stride));
  if (reader.full()) {
    WAYPOST_RETURN_IF_ERROR(reader.FromFault(type, model, sizeof(float), CheckFinite(values.span())));
    WAYPOST_RETURN_IF_ERROR(
        reader.FromFault(type, model, sizeof(float), CheckRowPadding(values.span(), dimensions, stride)));
  }
  return FactorMatrix(rows, dimensions, std::move(values));
}

absl::StatusOr<EncodedModel> EncodeIals(const IalsModel& ials, std::uint32_t model) {
  WAYPOST_RETURN_IF_ERROR(Validate(ials.options()));
  const std::size_t dimensions = static_cast<std::size_t>(ials.options().dimensions);
  WAYPOST_RETURN_IF_ERROR(CheckFactors("IalsModel.item_factors", ials.item_factors(), dimensions));
  if (ials.gramian_eigenvalues().size() != dimensions)
    return absl::InvalidArgumentError(
        absl::StrCat("IalsModel.gramian_eigenvalues: want ", dimensions, ", got ", ials.gramian_eigenvalues().size()));
  WAYPOST_RETURN_IF_ERROR(FaultOf("IalsModel.gramian_eigenvalues", CheckFinite(ials.gramian_eigenvalues().span())));
  EncodedModel encoded;
  encoded.parameters = Parameters(ials.options());
  if (ials.user_count() > 0) {
    WAYPOST_RETURN_IF_ERROR(CheckFactors("IalsModel.user_factors", ials.user_factors(), dimensions));
    encoded.sections.push_back({SectionType::kIalsUserFactors, model, AsBytes(ials.user_factors().values())});
  }
  encoded.sections.push_back({SectionType::kIalsItemFactors, model, AsBytes(ials.item_factors().values())});
  encoded.sections.push_back({SectionType::kIalsEigenvalues, model, AsBytes(ials.gramian_eigenvalues().span())});
  WAYPOST_RETURN_IF_ERROR(
      EncodeTopKTables(ials.item_factors(), ials.item_index().tables(Parallelism()), model, encoded.sections));
  if (ials.feature_map() != nullptr) WAYPOST_RETURN_IF_ERROR(EncodeFeatureMap(ials, model, encoded));
  return encoded;
}

absl::StatusOr<std::shared_ptr<const Scorer>> DecodeIals(const SectionReader& reader, const Settings& parameters,
                                                         std::uint32_t model, std::uint64_t users,
                                                         std::uint64_t items) {
  const absl::StatusOr<IalsOptions> options = ReadOptions(parameters);
  if (!options.ok()) return InMetadata(model, options.status());
  const std::size_t dimensions = static_cast<std::size_t>(options->dimensions);
  if (!reader.Has(SectionType::kIalsUserFactors, model)) users = 0;  // left out: every user is folded in
  FactorMatrix user_factors(0, dimensions, {});
  if (users > 0) {
    WAYPOST_ASSIGN_OR_RETURN(user_factors,
                             ReadFactors(reader, SectionType::kIalsUserFactors, model, users, dimensions));
  }
  WAYPOST_ASSIGN_OR_RETURN(FactorMatrix item_factors,
                           ReadFactors(reader, SectionType::kIalsItemFactors, model, items, dimensions));
  WAYPOST_ASSIGN_OR_RETURN(SharedArray<double> eigenvalues,
                           reader.Array<double>(SectionType::kIalsEigenvalues, model, dimensions));
  if (reader.full())
    WAYPOST_RETURN_IF_ERROR(
        reader.FromFault(SectionType::kIalsEigenvalues, model, sizeof(double), CheckFinite(eigenvalues.span())));
  WAYPOST_ASSIGN_OR_RETURN(std::optional<TopKTables> tables, DecodeTopKTables(reader, item_factors, model));
  TopKIndex index =
      tables ? TopKIndex(std::move(item_factors), *std::move(tables)) : TopKIndex(std::move(item_factors));
  WAYPOST_ASSIGN_OR_RETURN(FeaturePart features, DecodeFeatureMap(reader, parameters, model, items, dimensions));
  return std::make_shared<const IalsModel>(*options, std::move(user_factors), std::move(index), std::move(eigenvalues),
                                           features.trained_items, std::move(features.map));
}

}  // namespace waypost::file
