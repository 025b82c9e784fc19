// Typed, checked access to the sections of one bundle: what model codecs read from.
#ifndef WAYPOST_SRC_FILE_SECTION_READER_HPP_
#define WAYPOST_SRC_FILE_SECTION_READER_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "file/envelope.hpp"
#include "file/value_checks.hpp"
#include "waypost/base/bytes.hpp"
#include "waypost/base/shared_array.hpp"
#include "waypost/base/status.hpp"
#include "waypost/file/model_bundle.hpp"
#include "waypost/matrix/sparse_matrix.hpp"

namespace waypost::file {

// Lifetime  `owner` keeps the file's bytes alive; the arrays handed out share it.
class SectionReader {
 public:
  SectionReader(EnvelopeView envelope, std::shared_ptr<const void> owner, OpenCheck check)
      : envelope_(envelope), owner_(std::move(owner)), check_(check) {}

  const EnvelopeView& envelope() const { return envelope_; }
  bool full() const { return check_ == OpenCheck::kFull; }
  bool Has(SectionType type, std::uint32_t model) const { return envelope_.Find(type, model).has_value(); }

  // The section as an array of T, in place.
  // Errors  kDataLoss: no such section, a size that is no multiple of sizeof(T), or not `count` elements.
  template <typename T>
  absl::StatusOr<SharedArray<T>> Array(SectionType type, std::uint32_t model,
                                       std::optional<std::uint64_t> count = std::nullopt) const {
    const std::optional<SectionEntry> entry = envelope_.Find(type, model);
    if (!entry) return Damaged(SectionName(type, model), kHeaderSize, "an entry in the section table", "none");
    const std::uint64_t elements = entry->size / sizeof(T);
    if (entry->size % sizeof(T) != 0 || (count && elements != *count))
      return Damaged(SectionName(type, model), entry->offset,
                     count ? absl::StrCat(*count, " elements of ", sizeof(T), " bytes")
                           : absl::StrCat("elements of ", sizeof(T), " bytes"),
                     absl::StrCat(entry->size, " bytes"));
    // (1) of EnvelopeView aligns the section for every T.
    const auto* first = reinterpret_cast<const T*>(envelope_.bytes(*entry).data());
    return SharedArray<T>(std::span<const T>(first, elements), owner_);
  }

  // The error for a fault in a section of elements of `element_size` bytes; OK for none.
  absl::Status FromFault(SectionType type, std::uint32_t model, std::size_t element_size,
                         const std::optional<Fault>& fault) const;

  // Compressed rows from three sections, the last of which may be absent.
  absl::StatusOr<SparseMatrix> Rows(SectionType offsets_type, SectionType columns_type, SectionType values_type,
                                    std::uint32_t model, std::uint64_t row_count, std::uint64_t column_count) const;

 private:
  EnvelopeView envelope_;
  std::shared_ptr<const void> owner_;
  OpenCheck check_;
};

}  // namespace waypost::file

#endif  // WAYPOST_SRC_FILE_SECTION_READER_HPP_
