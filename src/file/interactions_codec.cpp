// Interactions in a model file, in both orientations: what graph filters and user kNN hold.
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "file/model_codec.hpp"

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

absl::Status EncodeRows(std::string_view what, const SparseMatrix& matrix, const RowSections& types,
                        std::uint32_t model, std::vector<SectionSource>& sections) {
  const std::span<const std::uint64_t> offsets = matrix.offsets().span();
  const std::span<const std::uint32_t> columns = matrix.column_indices().span();
  const std::string name = absl::StrCat(internal::ToAbsl(what), ", ", SectionName(types.offsets));
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

}  // namespace

absl::Status EncodeInteractions(std::string_view what, const SparseMatrix& user_item, const SparseMatrix& item_user,
                                std::uint32_t model, std::uint64_t users, std::vector<SectionSource>& sections) {
  if (user_item.rows() != users)
    return absl::InvalidArgumentError(
        absl::StrCat(internal::ToAbsl(what), ": want ", users, " users (ModelBundle.users), got ", user_item.rows()));
  WAYPOST_RETURN_IF_ERROR(EncodeRows(what, user_item, kUserSections, model, sections));
  WAYPOST_RETURN_IF_ERROR(EncodeRows(what, item_user, kItemSections, model, sections));
  return FaultOf(absl::StrCat(internal::ToAbsl(what), ".item_user"), CheckTranspose(user_item, item_user));
}

absl::StatusOr<DecodedInteractions> DecodeInteractions(const SectionReader& reader, std::uint32_t model,
                                                       std::uint64_t users, std::uint64_t items) {
  DecodedInteractions decoded;
  WAYPOST_ASSIGN_OR_RETURN(decoded.user_item, DecodeRows(reader, kUserSections, model, users, items));
  WAYPOST_ASSIGN_OR_RETURN(decoded.item_user, DecodeRows(reader, kItemSections, model, items, users));
  if (decoded.user_item.weighted() != decoded.item_user.weighted()) {
    const auto has = [](const SparseMatrix& rows) { return rows.weighted() ? "values" : "none"; };
    return Damaged(SectionName(SectionType::kGraphItemValues, model),
                   reader.envelope().Find(SectionType::kGraphItemUsers, model)->offset,
                   absl::StrCat(has(decoded.user_item), " as of users"), has(decoded.item_user));
  }
  if (reader.full())
    WAYPOST_RETURN_IF_ERROR(reader.FromFault(SectionType::kGraphItemUsers, model, sizeof(std::uint32_t),
                                             CheckTranspose(decoded.user_item, decoded.item_user)));
  return decoded;
}

absl::Status EncodeScale(std::string_view what, const SharedArray<float>& scale, SectionType type, std::uint32_t model,
                         std::vector<SectionSource>& sections) {
  WAYPOST_RETURN_IF_ERROR(FaultOf(what, CheckWithin(scale.span(), 0.0f, kLargestScale)));
  sections.push_back({type, model, AsBytes(scale.span())});
  return absl::OkStatus();
}

absl::StatusOr<SharedArray<float>> DecodeScale(const SectionReader& reader, SectionType type, std::uint32_t model,
                                               std::uint64_t count) {
  WAYPOST_ASSIGN_OR_RETURN(SharedArray<float> scale, reader.Array<float>(type, model, count));
  if (reader.full())
    WAYPOST_RETURN_IF_ERROR(
        reader.FromFault(type, model, sizeof(float), CheckWithin(scale.span(), 0.0f, kLargestScale)));
  return scale;
}

}  // namespace waypost::file
