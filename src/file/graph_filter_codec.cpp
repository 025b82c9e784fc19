// Graph filters in a model file: the interactions in both orientations, the scales of users and items, the low-pass
// vectors, and the options as parameters.
#include <utility>
#include <variant>

#include "file/model_codec.hpp"
#include "waypost/model/graph_filter_model.hpp"

namespace waypost::file {
namespace {

ModelOptions OptionsOf(const GraphFilterModel& filter) {
  return std::visit([](const auto& options) -> ModelOptions { return options; }, filter.options());
}

std::size_t DimensionsOf(const GraphFilterOptions& options) {
  return std::visit([](const auto& chosen) { return static_cast<std::size_t>(chosen.dimensions); }, options);
}

}  // namespace

absl::StatusOr<EncodedModel> EncodeGraphFilter(const GraphFilterModel& filter, std::uint32_t model,
                                               std::uint64_t users) {
  WAYPOST_RETURN_IF_ERROR(std::visit([](const auto& options) { return Validate(options); }, filter.options()));
  const InteractionGraph& graph = filter.graph();
  EncodedModel encoded;
  encoded.version_minor = 2;
  encoded.parameters = FormatOptions(OptionsOf(filter));
  WAYPOST_RETURN_IF_ERROR(
      EncodeInteractions("GraphFilterModel.graph", graph.user_item, graph.item_user, model, users, encoded.sections));
  WAYPOST_RETURN_IF_ERROR(EncodeScale("GraphFilterModel.graph.user_scale", graph.user_scale,
                                      SectionType::kGraphUserScale, model, encoded.sections));
  WAYPOST_RETURN_IF_ERROR(EncodeScale("GraphFilterModel.graph.item_scale", graph.item_scale,
                                      SectionType::kGraphItemScale, model, encoded.sections));
  WAYPOST_RETURN_IF_ERROR(CheckFactors("GraphFilterModel.low_pass", filter.low_pass(), DimensionsOf(filter.options())));
  encoded.sections.push_back({SectionType::kGraphLowPass, model, AsBytes(filter.low_pass().values())});
  return encoded;
}

absl::StatusOr<std::shared_ptr<const Scorer>> DecodeGraphFilter(const SectionReader& reader,
                                                                const ModelMetadata& metadata, std::uint32_t model,
                                                                std::uint64_t users, std::uint64_t items) {
  WAYPOST_ASSIGN_OR_RETURN(const ModelOptions read, ReadModelOptions(metadata, model));
  const GraphFilterOptions options = std::holds_alternative<BspmOptions>(read)
                                         ? GraphFilterOptions(std::get<BspmOptions>(read))
                                         : GraphFilterOptions(std::get<GfCfOptions>(read));
  WAYPOST_ASSIGN_OR_RETURN(DecodedInteractions interactions, DecodeInteractions(reader, model, users, items));
  InteractionGraph graph{.user_item = std::move(interactions.user_item),
                         .item_user = std::move(interactions.item_user),
                         .user_scale = {},
                         .item_scale = {}};
  WAYPOST_ASSIGN_OR_RETURN(graph.user_scale, DecodeScale(reader, SectionType::kGraphUserScale, model, users));
  WAYPOST_ASSIGN_OR_RETURN(graph.item_scale, DecodeScale(reader, SectionType::kGraphItemScale, model, items));
  WAYPOST_ASSIGN_OR_RETURN(FactorMatrix low_pass,
                           ReadFactors(reader, SectionType::kGraphLowPass, model, items, DimensionsOf(options)));
  return std::make_shared<const GraphFilterModel>(options, std::move(graph), std::move(low_pass));
}

absl::StatusOr<ModelOptions> ReadModelOptions(const ModelMetadata& metadata, std::uint32_t model) {
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<OptionInfo> table, OptionTable(metadata.kind));
  std::vector<OptionSetting> known;
  for (const OptionSetting& setting : metadata.parameters)
    for (const OptionInfo& info : table)
      if (info.name == setting.first) known.push_back(setting);
  absl::StatusOr<ModelOptions> options = ParseModelOptions(metadata.kind, known);
  if (options.ok()) return options;
  return absl::DataLossError(absl::StrCat(SectionName(SectionType::kMetadata, 0), ", model ", model,
                                          ", parameters: ", options.status().message()));
}

}  // namespace waypost::file
