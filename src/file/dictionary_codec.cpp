#include "file/dictionary_codec.hpp"

#include <array>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "file/model_codec.hpp"

namespace waypost::file {
namespace {

constexpr std::array<std::uint64_t, 1> kNoOffsets = {0};  // offsets of an array without rows

}  // namespace

absl::Status AddDictionary(std::string_view what, const IdDictionary& dictionary, const DictionarySections& types,
                           std::uint32_t model, std::vector<SectionSource>& sections) {
  const std::span<const std::uint64_t> offsets =
      dictionary.offsets().empty() ? std::span<const std::uint64_t>(kNoOffsets) : dictionary.offsets().span();
  const std::span<const char> bytes = dictionary.bytes().span();
  const std::span<const std::uint32_t> slots = dictionary.slots().span();
  const std::string prefix(what);
  WAYPOST_RETURN_IF_ERROR(FaultOf(prefix + ".offsets", CheckOffsets(offsets, bytes.size())));
  WAYPOST_RETURN_IF_ERROR(FaultOf(prefix + ".bytes", CheckTexts(bytes, offsets, 1, kMaxIdBytes)));
  if (const std::optional<std::string> want = CheckSlotCount(slots.size(), offsets.size() - 1))
    return absl::InvalidArgumentError(absl::StrCat(prefix, ".slots: want ", *want, ", got ", slots.size()));
  WAYPOST_RETURN_IF_ERROR(FaultOf(prefix + ".slots", CheckSlots(bytes, offsets, slots)));
  sections.push_back({types.bytes, model, AsBytes(bytes)});
  sections.push_back({types.offsets, model, AsBytes(offsets)});
  sections.push_back({types.slots, model, AsBytes(slots)});
  return absl::OkStatus();
}

absl::StatusOr<IdDictionary> ReadDictionary(const SectionReader& reader, const DictionarySections& types,
                                            std::uint32_t model, std::uint64_t count) {
  WAYPOST_ASSIGN_OR_RETURN(SharedArray<char> bytes, reader.Array<char>(types.bytes, model));
  WAYPOST_ASSIGN_OR_RETURN(SharedArray<std::uint64_t> offsets,
                           reader.Array<std::uint64_t>(types.offsets, model, count + 1));
  WAYPOST_ASSIGN_OR_RETURN(SharedArray<std::uint32_t> slots, reader.Array<std::uint32_t>(types.slots, model));
  if (const std::optional<std::string> want = CheckSlotCount(slots.size(), count))
    return Damaged(SectionName(types.slots, model), reader.envelope().Find(types.slots, model)->offset, *want,
                   slots.size());
  WAYPOST_RETURN_IF_ERROR(reader.FromFault(types.offsets, model, sizeof(std::uint64_t),
                                           CheckOffsets(offsets.span(), bytes.size(), /*ends_only=*/!reader.full())));
  if (reader.full()) {
    WAYPOST_RETURN_IF_ERROR(
        reader.FromFault(types.bytes, model, 1, CheckTexts(bytes.span(), offsets.span(), 1, kMaxIdBytes)));
    WAYPOST_RETURN_IF_ERROR(reader.FromFault(types.slots, model, sizeof(std::uint32_t),
                                             CheckSlots(bytes.span(), offsets.span(), slots.span())));
  }
  return IdDictionary(std::move(bytes), std::move(offsets), std::move(slots));
}

}  // namespace waypost::file
