#include "file/bundle_reader.hpp"

#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "file/dictionary_codec.hpp"
#include "file/model_codec.hpp"

namespace waypost::file {
namespace {

absl::StatusOr<ItemTitles> ReadTitles(const SectionReader& reader, std::uint64_t items) {
  if (!reader.Has(SectionType::kTitleBytes, 0) && !reader.Has(SectionType::kTitleOffsets, 0)) return ItemTitles();
  WAYPOST_ASSIGN_OR_RETURN(SharedArray<char> bytes, reader.Array<char>(SectionType::kTitleBytes, 0));
  WAYPOST_ASSIGN_OR_RETURN(SharedArray<std::uint64_t> offsets,
                           reader.Array<std::uint64_t>(SectionType::kTitleOffsets, 0, items + 1));
  WAYPOST_RETURN_IF_ERROR(reader.FromFault(SectionType::kTitleOffsets, 0, sizeof(std::uint64_t),
                                           CheckOffsets(offsets.span(), bytes.size(), /*ends_only=*/!reader.full())));
  if (reader.full())
    WAYPOST_RETURN_IF_ERROR(
        reader.FromFault(SectionType::kTitleBytes, 0, 1,
                         CheckTexts(bytes.span(), offsets.span(), 0, std::numeric_limits<std::size_t>::max())));
  return ItemTitles(std::move(bytes), std::move(offsets));
}

absl::StatusOr<SparseMatrix> ReadHistory(const SectionReader& reader, std::uint64_t users, std::uint64_t items) {
  if (!reader.Has(SectionType::kHistoryOffsets, 0) && !reader.Has(SectionType::kHistoryColumns, 0))
    return SparseMatrix();
  return reader.Rows(SectionType::kHistoryOffsets, SectionType::kHistoryColumns, SectionType::kHistoryValues, 0, users,
                     items);
}

}  // namespace

absl::StatusOr<Metadata> ReadMetadata(const EnvelopeView& envelope) {
  const std::optional<SectionEntry> entry = envelope.Find(SectionType::kMetadata, 0);
  if (!entry) return Damaged("section metadata", kHeaderSize, "an entry in the section table", "none");
  WAYPOST_RETURN_IF_ERROR(envelope.VerifyChecksum(*entry));
  return DecodeMetadata(envelope.bytes(*entry), entry->offset, envelope.newer_minor());
}

absl::StatusOr<ModelBundle> ReadBundle(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                       OpenCheck check) {
  WAYPOST_ASSIGN_OR_RETURN(const EnvelopeView envelope, EnvelopeView::Read(bytes));
  if (check == OpenCheck::kFull) WAYPOST_RETURN_IF_ERROR(envelope.Verify());
  WAYPOST_ASSIGN_OR_RETURN(Metadata metadata, ReadMetadata(envelope));
  const SectionReader reader(envelope, std::move(owner), check);
  ModelBundle bundle;
  WAYPOST_ASSIGN_OR_RETURN(bundle.users, ReadDictionary(reader, kUserSections, 0, metadata.users));
  WAYPOST_ASSIGN_OR_RETURN(bundle.items, ReadDictionary(reader, kItemSections, 0, metadata.items));
  WAYPOST_ASSIGN_OR_RETURN(bundle.titles, ReadTitles(reader, metadata.items));
  WAYPOST_ASSIGN_OR_RETURN(bundle.history, ReadHistory(reader, metadata.users, metadata.items));
  bundle.models.reserve(metadata.models.size());
  auto scorers = DecodeModels(reader, metadata);
  for (std::size_t n = 0; n < metadata.models.size(); ++n) {
    ModelMetadata& model = metadata.models[n];
    WAYPOST_ASSIGN_OR_RETURN(std::shared_ptr<const Scorer> scorer, std::move(scorers[n]));
    bundle.models.push_back(
        {.name = std::move(model.name), .scorer = std::move(scorer), .options = std::move(model.options)});
  }
  bundle.default_model = std::move(metadata.default_model);
  bundle.facts = std::move(metadata.facts);
  return bundle;
}

std::vector<absl::Status> FindProblems(const EnvelopeView& envelope, const absl::StatusOr<Metadata>& metadata) {
  std::vector<absl::Status> problems;
  const auto note = [&](const absl::Status& status) {
    if (!status.ok()) problems.push_back(status);
  };
  for (std::size_t position = 0; position < envelope.section_count(); ++position)
    // Damaged metadata is a problem already.
    if (const SectionEntry entry = envelope.section(position); entry.type != SectionType::kMetadata || metadata.ok())
      note(envelope.VerifyChecksum(entry));
  note(envelope.VerifyPadding());
  if (!metadata.ok()) return problems;
  const SectionReader reader(envelope, nullptr, OpenCheck::kFull);
  note(ReadDictionary(reader, kUserSections, 0, metadata->users).status());
  note(ReadDictionary(reader, kItemSections, 0, metadata->items).status());
  note(ReadTitles(reader, metadata->items).status());
  note(ReadHistory(reader, metadata->users, metadata->items).status());
  for (const auto& scorer : DecodeModels(reader, *metadata)) note(scorer.status());
  return problems;
}

}  // namespace waypost::file
