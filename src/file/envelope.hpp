// Header, section table and end mark of a model file: what is checked before any section is read, and how it is
// written. docs/model-format.md.
#ifndef WAYPOST_SRC_FILE_ENVELOPE_HPP_
#define WAYPOST_SRC_FILE_ENVELOPE_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "file/format.hpp"
#include "waypost/base/status.hpp"

namespace waypost::file {

// The error for damage: "header.file_size at offset 32: want 4168, got 99".
template <typename Want, typename Got>
absl::Status Damaged(std::string_view where, std::uint64_t offset, const Want& want, const Got& got) {
  return absl::DataLossError(
      absl::StrCat(internal::ToAbsl(where), " at offset ", offset, ": want ", want, ", got ", got));
}

struct SectionEntry {
  SectionType type{};
  std::uint32_t model = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t checksum = 0;
};

// A view of a file whose header and table were checked.
//
// (1) Every section lies inside the file, after the table, aligned, in the order of the table.
class EnvelopeView {
 public:
  // Lifetime  `file` and `format` must live as long as the view.
  static absl::StatusOr<EnvelopeView> Read(std::span<const std::byte> file, const FileFormat& format = kModelFormat);

  std::span<const std::byte> file() const { return file_; }
  std::uint16_t version_major() const;
  std::uint16_t version_minor() const;
  // Whether the writer knew a later minor version than this reader.
  bool newer_minor() const { return version_minor() > format_->version_minor; }
  std::uint64_t must_understand() const;
  std::uint64_t may_ignore() const;

  std::size_t section_count() const;
  // Requires  position < section_count().
  SectionEntry section(std::size_t position) const;
  std::optional<SectionEntry> Find(SectionType type, std::uint32_t model) const;
  std::span<const std::byte> bytes(const SectionEntry& entry) const { return file_.subspan(entry.offset, entry.size); }

  absl::Status VerifyChecksum(const SectionEntry& entry) const;
  // The zero bytes between the sections and before the end mark.
  absl::Status VerifyPadding() const;
  // Every checksum, and the padding.
  absl::Status Verify() const;

 private:
  EnvelopeView(std::span<const std::byte> file, const FileFormat& format) : file_(file), format_(&format) {}

  absl::Status CheckHeader() const;
  absl::Status CheckTable() const;

  std::span<const std::byte> file_;
  const FileFormat* format_;
};

// A section to be written.
struct SectionSource {
  SectionType type{};
  std::uint32_t model = 0;
  std::span<const std::byte> bytes;
};

// Returns header, table and the zero bytes up to the first section; computes the checksums.
// Requires  1 to kMaxSections sections.
std::vector<std::byte> EncodeEnvelope(std::span<const SectionSource> sections, const FileFormat& format);

// The zero bytes that follow `size` bytes.
inline std::size_t PaddingAfter(std::uint64_t size) {
  return static_cast<std::size_t>(-size & (kSectionAlignment - 1));
}

// Calls `write(bytes)` for the pieces of a file of these sections, in order.
// Requires  1 to kMaxSections sections.
template <typename Write>
absl::Status WriteSections(std::span<const SectionSource> sections, const FileFormat& format, const Write& write) {
  WAYPOST_RETURN_IF_ERROR(write(std::span<const std::byte>(EncodeEnvelope(sections, format))));
  constexpr std::array<std::byte, kSectionAlignment> kZeros = {};
  for (const SectionSource& section : sections) {
    WAYPOST_RETURN_IF_ERROR(write(section.bytes));
    WAYPOST_RETURN_IF_ERROR(write(std::span(kZeros).first(PaddingAfter(section.bytes.size()))));
  }
  return write(std::as_bytes(std::span(kEndMark)));
}

// Writes a file of these sections to `path`, as AtomicFile does.
absl::Status SaveSections(std::span<const SectionSource> sections, const FileFormat& format, const std::string& path);

// The same bytes in memory.
std::vector<std::byte> SectionsToMemory(std::span<const SectionSource> sections, const FileFormat& format);

}  // namespace waypost::file

#endif  // WAYPOST_SRC_FILE_ENVELOPE_HPP_
