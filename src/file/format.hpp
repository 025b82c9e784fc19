// The numbers of docs/model-format.md.
#ifndef WAYPOST_SRC_FILE_FORMAT_HPP_
#define WAYPOST_SRC_FILE_FORMAT_HPP_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace waypost::file {

// Arrays are used in place, and sizes in memory are sizes in the file.
static_assert(std::endian::native == std::endian::little, "model files need a little-endian machine");
static_assert(sizeof(std::size_t) == sizeof(std::uint64_t), "model files need a 64-bit machine");

inline constexpr std::string_view kMagic("\x89WPT\r\n\x1a\n", 8);
inline constexpr std::string_view kEndMark("\x89\x45ND\r\n\x1a\n", 8);  // \x45: an E would extend \x89
inline constexpr std::uint16_t kVersionMajor = 1;
inline constexpr std::uint16_t kVersionMinor = 2;
inline constexpr std::uint64_t kKnownFeatures = 0;  // must-understand bits that this reader understands

// What tells the files of one kind from those of others; the envelope is the same.
struct FileFormat {
  std::string_view magic;  // 8 bytes
  std::string_view name;   // as it stands in messages
  std::uint16_t version_major;
  std::uint16_t version_minor;
  std::uint64_t known_features;
};
inline constexpr FileFormat kModelFormat = {kMagic, "a Waypost model", kVersionMajor, kVersionMinor, kKnownFeatures};
// docs/checkpoint-format.md.
inline constexpr FileFormat kCheckpointFormat = {std::string_view("\x89WPC\r\n\x1a\n", 8), "a Waypost checkpoint", 1, 0,
                                                 0};

inline constexpr std::size_t kHeaderSize = 64;
inline constexpr std::size_t kEntrySize = 32;
inline constexpr std::size_t kSectionAlignment = 64;
inline constexpr std::size_t kMaxSections = 1024;
inline constexpr std::size_t kMaxMetadataBytes = 262144;
inline constexpr std::size_t kMinFileSize = kHeaderSize + kSectionAlignment + 8;

// Offsets of the header's fields.
inline constexpr std::size_t kMajorAt = 8;
inline constexpr std::size_t kMinorAt = 10;
inline constexpr std::size_t kSectionCountAt = 12;
inline constexpr std::size_t kMustUnderstandAt = 16;
inline constexpr std::size_t kMayIgnoreAt = 24;
inline constexpr std::size_t kFileSizeAt = 32;
inline constexpr std::size_t kReservedAt = 40;
inline constexpr std::size_t kHeaderChecksumAt = 56;

// Offsets of the fields of a table entry.
inline constexpr std::size_t kEntryTypeAt = 0;
inline constexpr std::size_t kEntryModelAt = 4;
inline constexpr std::size_t kEntryOffsetAt = 8;
inline constexpr std::size_t kEntrySizeAt = 16;
inline constexpr std::size_t kEntryChecksumAt = 24;

enum class SectionType : std::uint32_t {  // on disk: do not change
  kMetadata = 1,
  kUserBytes = 2,
  kUserOffsets = 3,
  kUserSlots = 4,
  kItemBytes = 5,
  kItemOffsets = 6,
  kItemSlots = 7,
  kTitleBytes = 8,
  kTitleOffsets = 9,
  kHistoryOffsets = 10,
  kHistoryColumns = 11,
  kHistoryValues = 12,
  kPopularityScores = 32,
  kSparseItemOffsets = 48,
  kSparseItemColumns = 49,
  kSparseItemValues = 50,
  kIalsUserFactors = 64,
  kIalsItemFactors = 65,
  kIalsEigenvalues = 66,
  kIalsItemOrder = 67,
  kIalsItemNorms = 68,
  kIalsItemGroups = 69,
  kIalsItemPanels = 70,
  kIalsItemHead = 71,
  kIalsFeatureBytes = 72,
  kIalsFeatureOffsets = 73,
  kIalsFeatureSlots = 74,
  kIalsFeatureWeights = 75,
  kEaseWeights = 80,
  kGraphUserOffsets = 96,
  kGraphUserItems = 97,
  kGraphUserValues = 98,
  kGraphItemOffsets = 99,
  kGraphItemUsers = 100,
  kGraphItemValues = 101,
  kGraphUserScale = 102,
  kGraphItemScale = 103,
  kGraphLowPass = 104,
  kPairwiseUserFactors = 112,
  kPairwiseItemFactors = 113,
  kPairwiseMeanStrength = 114,
  kLogisticUserFactors = 116,
  kLogisticItemFactors = 117,
  kLogisticBackgroundRows = 118,
  kLogisticBackgroundWeights = 119,
  kExplicitUserFactors = 120,
  kExplicitItemFactors = 121,
  kExplicitItemCovariances = 122,
  kExplicitItemImplicit = 123,
  kExplicitPrior = 124,
  kCheckpointLoss = 128,
  kCheckpointValidation = 129,
};

// "item id bytes", or "unknown 77".
std::string SectionName(SectionType type);
// As it stands in messages: "section item id bytes", "section ials user factors of model 2".
std::string SectionName(SectionType type, std::uint32_t model);

}  // namespace waypost::file

#endif  // WAYPOST_SRC_FILE_FORMAT_HPP_
