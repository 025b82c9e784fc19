#include "file/top_k_codec.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <utility>

#include "file/model_codec.hpp"
#include "waypost/base/bitmap.hpp"

namespace waypost::file {
namespace {

constexpr double kNormTolerance = 0x1p-20;  // relative: a writer may sum the squares in another order

std::optional<TopKFault> OrderFault(std::size_t position, std::string want, std::uint32_t got) {
  return TopKFault{SectionType::kIalsItemOrder, sizeof(std::uint32_t),
                   Fault{position, std::move(want), absl::StrCat(got)}};
}

std::optional<TopKFault> CheckOrder(std::span<const std::uint32_t> order) {
  Bitmap named(order.size());
  for (std::size_t position = 0; position < order.size(); ++position) {
    if (order[position] >= order.size())
      return OrderFault(position, absl::StrCat("below ", order.size()), order[position]);
    if (named.Test(order[position])) return OrderFault(position, "a row not named before", order[position]);
    named.Set(order[position]);
  }
  return std::nullopt;
}

std::optional<TopKFault> NormFault(std::size_t position, std::string want, float got) {
  return TopKFault{SectionType::kIalsItemNorms, sizeof(float), Fault{position, std::move(want), absl::StrCat(got)}};
}

std::optional<TopKFault> CheckNorms(const FactorMatrix& rows, const TopKTables& tables) {
  for (std::size_t position = 0; position < tables.norms.size(); ++position) {
    const float norm = tables.norms[position];
    const float row_norm = RowNorm(rows.row(tables.order[position]), rows.stride());
    if (norm != row_norm && !(std::abs(norm - row_norm) <= kNormTolerance * row_norm))  // also a NaN
      return NormFault(position, absl::StrCat(row_norm, ", the length of row ", tables.order[position]), norm);
    if (position > 0 && norm > tables.norms[position - 1])
      return NormFault(position, absl::StrCat("at most ", tables.norms[position - 1]), norm);
  }
  return std::nullopt;
}

// What the row at `position` asks of its group; empty where the group grants it.
std::string WantOfGroup(const FactorMatrix& rows, const TopKTables& tables, std::size_t position) {
  const TopKGroup& group = tables.groups[position / kTopKGroup];
  const float* row = rows.row(tables.order[position]);
  const double norm = RowLength(row, rows.stride());
  if (!(group.largest_norm >= norm)) return absl::StrCat("a largest norm of at least ", norm);
  if (!(group.smallest_norm >= 0 && group.smallest_norm <= norm))
    return absl::StrCat("a smallest norm of at most ", norm);
  if (!(group.scale > 0) || !std::isfinite(group.scale)) return "a finite scale above 0";
  const std::uint8_t* panel = tables.panels.data() + position / kTopKGroup * kTopKGroup * rows.stride();
  const double residual = RowResidual(row, rows.stride(), group, panel, position % kTopKGroup);
  if (!(group.residual >= residual)) return absl::StrCat("a residual of at least ", residual);
  return {};
}

std::optional<TopKFault> CheckGroups(const FactorMatrix& rows, const TopKTables& tables) {
  for (std::size_t position = 0; position < rows.rows(); ++position) {
    std::string want = WantOfGroup(rows, tables, position);
    if (want.empty()) continue;
    const TopKGroup& group = tables.groups[position / kTopKGroup];
    return TopKFault{
        SectionType::kIalsItemGroups, sizeof(TopKGroup),
        Fault{position / kTopKGroup, absl::StrCat(want, " for row ", tables.order[position]),
              absl::StrCat(group.largest_norm, ", ", group.smallest_norm, ", ", group.scale, ", ", group.residual)}};
  }
  return std::nullopt;
}

// Bounds must fall from group to group, or a scan would stop too early.
std::optional<TopKFault> CheckLargestNorms(const TopKTables& tables) {
  for (std::size_t g = 1; g < tables.groups.size(); ++g)
    if (!(tables.groups[g].largest_norm <= tables.groups[g - 1].largest_norm))
      return TopKFault{SectionType::kIalsItemGroups, sizeof(TopKGroup),
                       Fault{g, absl::StrCat("a largest norm of at most ", tables.groups[g - 1].largest_norm),
                             absl::StrCat(tables.groups[g].largest_norm)}};
  return std::nullopt;
}

std::optional<TopKFault> CheckHead(const FactorMatrix& rows, const TopKTables& tables) {
  for (std::size_t n = 0; n < tables.head.size(); ++n) {
    const float want = rows.row(tables.order[n / rows.stride()])[n % rows.stride()];
    const float got = tables.head[n];
    if (std::bit_cast<std::uint32_t>(got) != std::bit_cast<std::uint32_t>(want))
      return TopKFault{SectionType::kIalsItemHead, sizeof(float), Fault{n, absl::StrCat(want), absl::StrCat(got)}};
  }
  return std::nullopt;
}

}  // namespace

std::optional<TopKFault> CheckTopKTables(const FactorMatrix& rows, const TopKTables& tables) {
  std::optional<TopKFault> fault = CheckOrder(tables.order.span());
  if (!fault) fault = CheckNorms(rows, tables);
  if (!fault) fault = CheckLargestNorms(tables);
  if (!fault) fault = CheckGroups(rows, tables);
  if (!fault) fault = CheckHead(rows, tables);
  return fault;
}

absl::Status EncodeTopKTables(const FactorMatrix& rows, const TopKTables& tables, std::uint32_t model,
                              std::vector<SectionSource>& sections) {
  if (const std::optional<TopKFault> found = CheckTopKTables(rows, tables))
    return FaultOf(absl::StrCat("IalsModel.item_index, ", SectionName(found->section)), found->fault);
  sections.push_back({SectionType::kIalsItemOrder, model, AsBytes(tables.order.span())});
  sections.push_back({SectionType::kIalsItemNorms, model, AsBytes(tables.norms.span())});
  sections.push_back({SectionType::kIalsItemGroups, model, AsBytes(tables.groups.span())});
  sections.push_back({SectionType::kIalsItemPanels, model, AsBytes(tables.panels.span())});
  if (!tables.head.empty()) sections.push_back({SectionType::kIalsItemHead, model, AsBytes(tables.head.span())});
  return absl::OkStatus();
}

absl::StatusOr<std::optional<TopKTables>> DecodeTopKTables(const SectionReader& reader, const FactorMatrix& rows,
                                                           std::uint32_t model) {
  constexpr SectionType kSections[] = {SectionType::kIalsItemOrder, SectionType::kIalsItemNorms,
                                       SectionType::kIalsItemGroups, SectionType::kIalsItemPanels};
  if (std::none_of(std::begin(kSections), std::end(kSections),
                   [&](SectionType section) { return reader.Has(section, model); }))
    return std::nullopt;
  TopKTables tables;
  WAYPOST_ASSIGN_OR_RETURN(tables.order, reader.Array<std::uint32_t>(SectionType::kIalsItemOrder, model, rows.rows()));
  WAYPOST_ASSIGN_OR_RETURN(tables.norms, reader.Array<float>(SectionType::kIalsItemNorms, model, rows.rows()));
  WAYPOST_ASSIGN_OR_RETURN(tables.groups,
                           reader.Array<TopKGroup>(SectionType::kIalsItemGroups, model, TopKGroupCount(rows.rows())));
  // At most 2^32 rows of 2^12 bytes: the product fits.
  WAYPOST_ASSIGN_OR_RETURN(tables.panels, reader.Array<std::uint8_t>(SectionType::kIalsItemPanels, model,
                                                                     TopKPanelBytes(rows.rows(), rows.stride())));
  if (reader.Has(SectionType::kIalsItemHead, model)) {
    WAYPOST_ASSIGN_OR_RETURN(tables.head,
                             reader.Array<float>(SectionType::kIalsItemHead, model,
                                                 TopKHeadRows(rows.rows(), rows.stride()) * rows.stride()));
  }
  tables.checked = reader.full();
  if (reader.full())
    if (const std::optional<TopKFault> found = CheckTopKTables(rows, tables))
      return reader.FromFault(found->section, model, found->element_size, found->fault);
  return tables;
}

}  // namespace waypost::file
