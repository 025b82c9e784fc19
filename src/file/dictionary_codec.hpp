// Between a dictionary and its three sections.
#ifndef WAYPOST_SRC_FILE_DICTIONARY_CODEC_HPP_
#define WAYPOST_SRC_FILE_DICTIONARY_CODEC_HPP_

#include <cstdint>
#include <string_view>
#include <vector>

#include "file/envelope.hpp"
#include "file/section_reader.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/id_dictionary.hpp"

namespace waypost::file {

struct DictionarySections {
  SectionType bytes;
  SectionType offsets;
  SectionType slots;
};
inline constexpr DictionarySections kUserSections = {SectionType::kUserBytes, SectionType::kUserOffsets,
                                                     SectionType::kUserSlots};
inline constexpr DictionarySections kItemSections = {SectionType::kItemBytes, SectionType::kItemOffsets,
                                                     SectionType::kItemSlots};
inline constexpr DictionarySections kFeatureSections = {
    SectionType::kIalsFeatureBytes, SectionType::kIalsFeatureOffsets, SectionType::kIalsFeatureSlots};

// Appends the sections, which borrow from the dictionary.
//   what   of the dictionary, for errors: "ModelBundle.users".
// Errors   kInvalidArgument: arrays that break a rule of the format.
absl::Status AddDictionary(std::string_view what, const IdDictionary& dictionary, const DictionarySections& types,
                           std::uint32_t model, std::vector<SectionSource>& sections);

// Errors  kDataLoss.
absl::StatusOr<IdDictionary> ReadDictionary(const SectionReader& reader, const DictionarySections& types,
                                            std::uint32_t model, std::uint64_t count);

}  // namespace waypost::file

#endif  // WAYPOST_SRC_FILE_DICTIONARY_CODEC_HPP_
