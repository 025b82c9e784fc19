// store/tables.hpp - the named tables of a store's data file.
#ifndef WAYPOST_SRC_STORE_TABLES_HPP_
#define WAYPOST_SRC_STORE_TABLES_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace waypost::store {

enum class Table : std::uint8_t {  // on disk (the seed of checksums): do not change
  kState = 0,                      // "format", "state", "kinds", "retention"
  kChunks = 1,                     // first row -> events not yet sealed
  kSegments = 2,                   // first row -> events sealed, user by user
  kUsers = 3,                      // first index -> ids
  kItems = 4,                      // first index -> ids
  kSources = 5,                    // name -> next sequence, file fingerprint
  kCatalogue = 6,                  // position -> item
  kFacts = 7,                      // user id -> facts
  kImpressions = 8,                // first position -> impressions
  kForgotten = 9,                  // user index -> nothing
  kModels = 10,                    // name -> model
};
inline constexpr std::size_t kTables = 11;

inline constexpr std::array<std::string_view, kTables> kTableNames = {
    "state",     "chunks", "segments",    "users",     "items", "sources",
    "catalogue", "facts",  "impressions", "forgotten", "models"};  // on disk: do not change

inline std::string_view Name(Table table) {
  return kTableNames[static_cast<std::size_t>(table)];
}

// Whether the keys are 64-bit numbers; the others are texts.
inline bool HasNumberKeys(Table table) {
  return table != Table::kState && table != Table::kSources && table != Table::kFacts && table != Table::kModels;
}

inline constexpr std::string_view kFormatKey = "format";
inline constexpr std::string_view kStateKey = "state";
inline constexpr std::string_view kKindsKey = "kinds";
inline constexpr std::string_view kRetentionKey = "retention";  // since 1.1; where windows were set

inline constexpr std::uint32_t kFormatMajor = 1;
inline constexpr std::uint32_t kFormatMinor = 2;
// What a reader must understand.
inline constexpr std::uint64_t kChunksInPlanes = 1;  // on disk: do not change

}  // namespace waypost::store

#endif  // WAYPOST_SRC_STORE_TABLES_HPP_
