// Graph filters in a model file: the interactions in both orientations, the scales of users and items, the low-pass
// vectors, and the options as parameters.
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "file/model_codec.hpp"
#include "waypost/model/graph_filter_model.hpp"

namespace waypost::file {
namespace {

constexpr float kSmallestStrength = std::numeric_limits<float>::denorm_min();
constexpr float kLargestScale = std::numeric_limits<float>::max();

// Whether `item_user` is the transpose of `user_item`, whose rows and columns passed their checks.
std::optional<Fault> CheckTranspose(const SparseMatrix& user_item, const SparseMatrix& item_user) {
  if (user_item.entries() != item_user.entries())
    return Fault{0, absl::StrCat(user_item.entries(), " entries"), absl::StrCat(item_user.entries())};
  std::vector<std::uint64_t> next(item_user.offsets().begin(), item_user.offsets().end() - 1);
  for (std::uint32_t user = 0; user < user_item.rows(); ++user) {
    const SparseRowView items = user_item.row(user);
    for (std::size_t n = 0; n < items.size(); ++n) {
      const std::uint64_t at = next[items.columns[n]]++;
      const auto want = absl::StrCat("user ", user, " with ", items.value(n));
      if (at >= item_user.offsets()[items.columns[n] + 1]) return Fault{at, want, "the end of its row"};
      const float value = item_user.weighted() ? item_user.values()[at] : 1.0f;
      if (item_user.column_indices()[at] != user || value != items.value(n))
        return Fault{at, want, absl::StrCat("user ", item_user.column_indices()[at], " with ", value)};
    }
  }
  return std::nullopt;
}

// The three sections of one orientation.
struct RowSections {
  SectionType offsets;
  SectionType columns;
  SectionType values;
};
constexpr RowSections kUserSections = {SectionType::kGraphUserOffsets, SectionType::kGraphUserItems,
                                       SectionType::kGraphUserValues};
constexpr RowSections kItemSections = {SectionType::kGraphItemOffsets, SectionType::kGraphItemUsers,
                                       SectionType::kGraphItemValues};

absl::Status EncodeRows(const SparseMatrix& matrix, const RowSections& types, std::uint32_t model,
                        std::vector<SectionSource>& sections) {
  const std::span<const std::uint64_t> offsets = matrix.offsets().span();
  const std::span<const std::uint32_t> columns = matrix.column_indices().span();
  const std::string name = absl::StrCat("GraphFilterModel.graph, ", SectionName(types.offsets));
  WAYPOST_RETURN_IF_ERROR(FaultOf(name, CheckOffsets(offsets, columns.size())));
  WAYPOST_RETURN_IF_ERROR(FaultOf(name, CheckColumns(offsets, columns, matrix.columns())));
  WAYPOST_RETURN_IF_ERROR(FaultOf(name, CheckWithin(matrix.values().span(), kSmallestStrength, kMaxStrength)));
  sections.push_back({types.offsets, model, AsBytes(offsets)});
  sections.push_back({types.columns, model, AsBytes(columns)});
  if (matrix.weighted()) sections.push_back({types.values, model, AsBytes(matrix.values().span())});
  return absl::OkStatus();
}

absl::StatusOr<SparseMatrix> DecodeRows(const SectionReader& reader, const RowSections& types, std::uint32_t model,
                                        std::uint64_t rows, std::uint64_t columns) {
  WAYPOST_ASSIGN_OR_RETURN(SparseMatrix matrix,
                           reader.Rows(types.offsets, types.columns, types.values, model, rows, columns));
  if (reader.full())
    WAYPOST_RETURN_IF_ERROR(reader.FromFault(types.values, model, sizeof(float),
                                             CheckWithin(matrix.values().span(), kSmallestStrength, kMaxStrength)));
  return matrix;
}

absl::StatusOr<SharedArray<float>> DecodeScale(const SectionReader& reader, SectionType type, std::uint32_t model,
                                               std::uint64_t count) {
  WAYPOST_ASSIGN_OR_RETURN(SharedArray<float> scale, reader.Array<float>(type, model, count));
  if (reader.full())
    WAYPOST_RETURN_IF_ERROR(
        reader.FromFault(type, model, sizeof(float), CheckWithin(scale.span(), 0.0f, kLargestScale)));
  return scale;
}

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
  if (graph.users() != users)
    return absl::InvalidArgumentError(
        absl::StrCat("GraphFilterModel.graph: want ", users, " users (ModelBundle.users), got ", graph.users()));
  EncodedModel encoded;
  encoded.version_minor = 2;
  encoded.parameters = FormatOptions(OptionsOf(filter));
  WAYPOST_RETURN_IF_ERROR(EncodeRows(graph.user_item, kUserSections, model, encoded.sections));
  WAYPOST_RETURN_IF_ERROR(EncodeRows(graph.item_user, kItemSections, model, encoded.sections));
  WAYPOST_RETURN_IF_ERROR(
      FaultOf("GraphFilterModel.graph.item_user", CheckTranspose(graph.user_item, graph.item_user)));
  WAYPOST_RETURN_IF_ERROR(
      FaultOf("GraphFilterModel.graph.user_scale", CheckWithin(graph.user_scale.span(), 0.0f, kLargestScale)));
  WAYPOST_RETURN_IF_ERROR(
      FaultOf("GraphFilterModel.graph.item_scale", CheckWithin(graph.item_scale.span(), 0.0f, kLargestScale)));
  WAYPOST_RETURN_IF_ERROR(CheckFactors("GraphFilterModel.low_pass", filter.low_pass(), DimensionsOf(filter.options())));
  encoded.sections.push_back({SectionType::kGraphUserScale, model, AsBytes(graph.user_scale.span())});
  encoded.sections.push_back({SectionType::kGraphItemScale, model, AsBytes(graph.item_scale.span())});
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
  InteractionGraph graph;
  WAYPOST_ASSIGN_OR_RETURN(graph.user_item, DecodeRows(reader, kUserSections, model, users, items));
  WAYPOST_ASSIGN_OR_RETURN(graph.item_user, DecodeRows(reader, kItemSections, model, items, users));
  if (graph.user_item.weighted() != graph.item_user.weighted()) {
    const auto has = [](const SparseMatrix& rows) { return rows.weighted() ? "values" : "none"; };
    return Damaged(SectionName(SectionType::kGraphItemValues, model),
                   reader.envelope().Find(SectionType::kGraphItemUsers, model)->offset,
                   absl::StrCat(has(graph.user_item), " as of users"), has(graph.item_user));
  }
  if (reader.full())
    WAYPOST_RETURN_IF_ERROR(reader.FromFault(SectionType::kGraphItemUsers, model, sizeof(std::uint32_t),
                                             CheckTranspose(graph.user_item, graph.item_user)));
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
