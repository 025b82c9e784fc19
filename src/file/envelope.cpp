#include "file/envelope.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <memory>
#include <string>

#include "absl/strings/escaping.h"
#include "file/file_io.hpp"
#include "waypost/base/bytes.hpp"
#include "waypost/base/checksum.hpp"

namespace waypost::file {
namespace {

bool Equals(std::span<const std::byte> bytes, std::string_view text) {
  return bytes.size() == text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

std::string Escaped(std::span<const std::byte> bytes) {
  return absl::StrCat(
      "'", absl::CHexEscape(absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())), "'");
}
std::string Escaped(std::string_view text) {
  return Escaped(std::as_bytes(std::span(text)));
}

// Of the table, with the checksum of the header before its last field as the seed.
std::uint64_t EnvelopeChecksum(std::span<const std::byte> file, std::size_t section_count) {
  return Checksum(file.subspan(kHeaderSize, section_count * kEntrySize), Checksum(file.first(kHeaderChecksumAt)));
}

}  // namespace

absl::StatusOr<EnvelopeView> EnvelopeView::Read(std::span<const std::byte> file, const FileFormat& format) {
  EnvelopeView envelope(file, format);
  WAYPOST_RETURN_IF_ERROR(envelope.CheckHeader());
  WAYPOST_RETURN_IF_ERROR(envelope.CheckTable());
  return envelope;
}

absl::Status EnvelopeView::CheckHeader() const {
  if (file_.size() < kMinFileSize)
    return Damaged("file.size", 0, absl::StrCat("at least ", kMinFileSize, " bytes"), file_.size());
  if (!Equals(file_.first(format_->magic.size()), format_->magic))
    return Damaged("header.magic", 0, absl::StrCat(Escaped(format_->magic), " (", internal::ToAbsl(format_->name), ")"),
                   Escaped(file_.first(format_->magic.size())));
  if (version_major() != format_->version_major)
    return absl::UnimplementedError(absl::StrCat("header.version at offset ", kMajorAt, ": want ",
                                                 format_->version_major, ".x, got ", version_major(), ".",
                                                 version_minor()));
  if (section_count() < 1 || section_count() > kMaxSections)
    return Damaged("header.section_count", kSectionCountAt, absl::StrCat("1..", kMaxSections), section_count());
  const std::uint64_t file_size = LoadLittleEndian<std::uint64_t>(file_, kFileSizeAt);
  if (file_size != file_.size())
    return Damaged("header.file_size", kFileSizeAt, absl::StrCat(file_.size(), " (the file's size)"), file_size);
  const std::size_t table_end = kHeaderSize + section_count() * kEntrySize;
  if (table_end + PaddingAfter(table_end) + kEndMark.size() > file_.size())
    return Damaged("header.section_count", kSectionCountAt,
                   absl::StrCat("a table inside the file of ", file_.size(), " bytes"), section_count());
  for (std::size_t at = kReservedAt; at < kHeaderChecksumAt; ++at)
    if (file_[at] != std::byte{0}) return Damaged("header.reserved", at, 0, std::to_integer<int>(file_[at]));
  const std::uint64_t found = EnvelopeChecksum(file_, section_count());
  const std::uint64_t expected = LoadLittleEndian<std::uint64_t>(file_, kHeaderChecksumAt);
  if (found != expected)
    return Damaged("header.checksum", kHeaderChecksumAt, absl::StrCat(absl::Hex(expected, absl::kZeroPad16)),
                   absl::StrCat(absl::Hex(found, absl::kZeroPad16)));
  const std::size_t end = file_.size() - kEndMark.size();
  if (!Equals(file_.subspan(end), kEndMark))
    return Damaged("end mark", end, Escaped(kEndMark), Escaped(file_.subspan(end)));
  if (const std::uint64_t unknown = must_understand() & ~format_->known_features; unknown != 0)
    return absl::UnimplementedError(absl::StrCat("header.must_understand at offset ", kMustUnderstandAt,
                                                 ": want a reader of format ", version_major(), ".", version_minor(),
                                                 ", got feature bit ", std::countr_zero(unknown)));
  return absl::OkStatus();
}

absl::Status EnvelopeView::CheckTable() const {
  std::uint64_t next = kHeaderSize + section_count() * kEntrySize;
  next += PaddingAfter(next);
  const std::uint64_t end = file_.size() - kEndMark.size();
  for (std::size_t position = 0; position < section_count(); ++position) {
    const SectionEntry entry = section(position);
    const std::size_t at = kHeaderSize + position * kEntrySize;
    if (entry.offset != next)
      return Damaged(absl::StrCat(SectionName(entry.type, entry.model), ".offset"), at + kEntryOffsetAt, next,
                     entry.offset);
    if (entry.size > end - next)
      return Damaged(absl::StrCat(SectionName(entry.type, entry.model), ".size"), at + kEntrySizeAt,
                     absl::StrCat("at most ", end - next), entry.size);
    next += entry.size;
    next += PaddingAfter(next);
    if (next > end)
      return Damaged(absl::StrCat(SectionName(entry.type, entry.model), ".size"), at + kEntrySizeAt,
                     "a section that ends before the end mark", entry.size);
    for (std::size_t earlier = 0; earlier < position; ++earlier) {
      const SectionEntry other = section(earlier);
      if (other.type == entry.type && other.model == entry.model)
        return Damaged(absl::StrCat(SectionName(entry.type, entry.model), ".type"), at, "one such section", "two");
    }
  }
  if (next != end) return Damaged("end mark", next, absl::StrCat("the end mark here"), absl::StrCat("it at ", end));
  return absl::OkStatus();
}

std::uint16_t EnvelopeView::version_major() const {
  return LoadLittleEndian<std::uint16_t>(file_, kMajorAt);
}
std::uint16_t EnvelopeView::version_minor() const {
  return LoadLittleEndian<std::uint16_t>(file_, kMinorAt);
}
std::uint64_t EnvelopeView::must_understand() const {
  return LoadLittleEndian<std::uint64_t>(file_, kMustUnderstandAt);
}
std::uint64_t EnvelopeView::may_ignore() const {
  return LoadLittleEndian<std::uint64_t>(file_, kMayIgnoreAt);
}
std::size_t EnvelopeView::section_count() const {
  return LoadLittleEndian<std::uint32_t>(file_, kSectionCountAt);
}

SectionEntry EnvelopeView::section(std::size_t position) const {
  const std::size_t at = kHeaderSize + position * kEntrySize;
  return {.type = static_cast<SectionType>(LoadLittleEndian<std::uint32_t>(file_, at + kEntryTypeAt)),
          .model = LoadLittleEndian<std::uint32_t>(file_, at + kEntryModelAt),
          .offset = LoadLittleEndian<std::uint64_t>(file_, at + kEntryOffsetAt),
          .size = LoadLittleEndian<std::uint64_t>(file_, at + kEntrySizeAt),
          .checksum = LoadLittleEndian<std::uint64_t>(file_, at + kEntryChecksumAt)};
}

std::optional<SectionEntry> EnvelopeView::Find(SectionType type, std::uint32_t model) const {
  for (std::size_t position = 0; position < section_count(); ++position)
    if (const SectionEntry entry = section(position); entry.type == type && entry.model == model) return entry;
  return std::nullopt;
}

absl::Status EnvelopeView::VerifyChecksum(const SectionEntry& entry) const {
  const std::uint64_t found = Checksum(bytes(entry));
  if (found == entry.checksum) return absl::OkStatus();
  return Damaged(absl::StrCat(SectionName(entry.type, entry.model), ".checksum"), entry.offset,
                 absl::StrCat(absl::Hex(entry.checksum, absl::kZeroPad16)),
                 absl::StrCat(absl::Hex(found, absl::kZeroPad16)));
}

absl::Status EnvelopeView::VerifyPadding() const {
  const auto check = [&](std::uint64_t end) {
    for (std::uint64_t at = end; at < end + PaddingAfter(end); ++at)
      if (file_[at] != std::byte{0}) return Damaged("padding", at, 0, std::to_integer<int>(file_[at]));
    return absl::OkStatus();
  };
  WAYPOST_RETURN_IF_ERROR(check(kHeaderSize + section_count() * kEntrySize));
  for (std::size_t position = 0; position < section_count(); ++position)
    WAYPOST_RETURN_IF_ERROR(check(section(position).offset + section(position).size));
  return absl::OkStatus();
}

absl::Status EnvelopeView::Verify() const {
  for (std::size_t position = 0; position < section_count(); ++position)
    WAYPOST_RETURN_IF_ERROR(VerifyChecksum(section(position)));
  return VerifyPadding();
}

std::vector<std::byte> EncodeEnvelope(std::span<const SectionSource> sections, const FileFormat& format) {
  const std::size_t table_end = kHeaderSize + sections.size() * kEntrySize;
  std::vector<std::byte> bytes(table_end + PaddingAfter(table_end));
  std::memcpy(bytes.data(), format.magic.data(), format.magic.size());
  StoreLittleEndian(std::span(bytes), kMajorAt, format.version_major);
  StoreLittleEndian(std::span(bytes), kMinorAt, format.version_minor);
  StoreLittleEndian(std::span(bytes), kSectionCountAt, static_cast<std::uint32_t>(sections.size()));
  StoreLittleEndian(std::span(bytes), kMustUnderstandAt, std::uint64_t{0});
  StoreLittleEndian(std::span(bytes), kMayIgnoreAt, std::uint64_t{0});
  std::uint64_t next = bytes.size();
  for (std::size_t position = 0; position < sections.size(); ++position) {
    const std::span entry = std::span(bytes).subspan(kHeaderSize + position * kEntrySize, kEntrySize);
    StoreLittleEndian(entry, kEntryTypeAt, static_cast<std::uint32_t>(sections[position].type));
    StoreLittleEndian(entry, kEntryModelAt, sections[position].model);
    StoreLittleEndian(entry, kEntryOffsetAt, next);
    StoreLittleEndian(entry, kEntrySizeAt, std::uint64_t{sections[position].bytes.size()});
    StoreLittleEndian(entry, kEntryChecksumAt, Checksum(sections[position].bytes));
    next += sections[position].bytes.size();
    next += PaddingAfter(next);
  }
  StoreLittleEndian(std::span(bytes), kFileSizeAt, next + kEndMark.size());
  StoreLittleEndian(std::span(bytes), kHeaderChecksumAt, EnvelopeChecksum(bytes, sections.size()));
  return bytes;
}

absl::Status SaveSections(std::span<const SectionSource> sections, const FileFormat& format, const std::string& path) {
  WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFile> output, AtomicFile::Create(path));
  WAYPOST_RETURN_IF_ERROR(
      WriteSections(sections, format, [&](std::span<const std::byte> bytes) { return output->Write(bytes); }));
  return output->Commit();
}

std::vector<std::byte> SectionsToMemory(std::span<const SectionSource> sections, const FileFormat& format) {
  std::vector<std::byte> output;
  const absl::Status status = WriteSections(sections, format, [&](std::span<const std::byte> bytes) {
    output.insert(output.end(), bytes.begin(), bytes.end());
    return absl::OkStatus();
  });
  assert(status.ok());
  (void)status;
  return output;
}

}  // namespace waypost::file
