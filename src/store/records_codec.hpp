// store/records_codec.hpp - the values of a store as bytes (docs/store-format.md).
//
// (1) Every value begins with the checksum of all that follows it, seeded with the number of its table.
// (2) Numbers are little-endian and lie at any address: they are read and written by copy.
#ifndef WAYPOST_SRC_STORE_RECORDS_CODEC_HPP_
#define WAYPOST_SRC_STORE_RECORDS_CODEC_HPP_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/event/catalogue.hpp"
#include "waypost/event/kinds.hpp"
#include "waypost/event/user_table.hpp"
#include "waypost/store/records.hpp"

#include "store/tables.hpp"

namespace waypost::store {

static_assert(std::endian::native == std::endian::little);

using Bytes = std::span<const std::byte>;

inline constexpr std::size_t kChecksumBytes = 8;

template <typename T>
T LoadAt(const std::byte* at) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

// Builds one value.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class ValueWriter {
 public:
  ValueWriter() : bytes_(kChecksumBytes, '\0') {}

  template <typename T>
  void Number(T number) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&number), sizeof(T));
  }
  void Text(std::string_view text) {
    Number(static_cast<std::uint32_t>(text.size()));
    bytes_.append(text);
  }
  template <typename T>
  void Optional(const std::optional<T>& number) {
    Number(static_cast<std::uint8_t>(number.has_value()));
    if (number) Number(*number);
  }
  void Texts(const std::vector<std::string>& texts);

  // The value, with its checksum.
  // Lifetime  the bytes live as long as this object.
  Bytes Finish(Table table);

 private:
  std::string bytes_;
};

// Reads what ValueWriter wrote. After the first read beyond the end every read gives zero or nothing, and Finish() says
// so: fields can be read one after the other without a check of each.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class ValueReader {
 public:
  // Errors  kDataLoss: shorter than a checksum, or another checksum.
  static absl::StatusOr<ValueReader> Open(Table table, Bytes value);

  template <typename T>
  T Number() {
    T number = {};
    if (!Take(sizeof(T))) return number;
    std::memcpy(&number, rest_.data() - sizeof(T), sizeof(T));
    return number;
  }
  std::string_view Text();
  template <typename T>
  std::optional<T> Optional() {
    return Number<std::uint8_t>() != 0 ? std::optional<T>(Number<T>()) : std::nullopt;
  }
  std::vector<std::string> Texts();

  std::size_t left() const { return rest_.size(); }
  bool failed() const { return failed_; }

  // Errors  kDataLoss: a read went beyond the end, or something is left.
  absl::Status Finish() const;

 private:
  ValueReader(Table table, Bytes rest) : table_(table), rest_(rest) {}

  bool Take(std::size_t size) {
    failed_ = failed_ || size > rest_.size();
    if (!failed_) rest_ = rest_.subspan(size);
    return !failed_;
  }

  Table table_;
  Bytes rest_;
  bool failed_ = false;
};

// Whether the value's checksum is right.
bool ChecksumHolds(Table table, Bytes value);
absl::Status ChecksumError(Table table);

// The counters of a store, one value that every commit replaces.
struct State {
  std::uint64_t end_row = 0;
  std::uint64_t events = 0;            // rows that are there
  std::uint64_t sealed_events = 0;     // of them, those in segments
  std::uint64_t forgotten_events = 0;  // of them, those of forgotten users
  std::uint64_t forgotten_users = 0;   // only grows
  std::uint64_t users = 0;             // one past the last index
  std::uint64_t items = 0;
  std::uint64_t end_impression = 0;
  std::uint64_t layout_version = 0;  // changes when a row moves from one value to another
  std::uint64_t catalogue_version = 0;
  std::uint64_t user_table_version = 0;
  std::uint64_t kinds_version = 0;
  std::uint64_t commits = 0;  // goes on over compaction
  std::uint64_t moved = 0;    // 1: another data file may have taken this one's place

  friend bool operator==(const State&, const State&) = default;
};
Bytes EncodeState(const State& state, ValueWriter& writer);
absl::StatusOr<State> DecodeState(Bytes value);

// What the store knows of a source.
struct Source {
  std::uint64_t next_sequence = 0;
  // Of a file: what was imported of it.
  std::uint64_t size = 0;  // bytes; 0: a stream
  std::uint64_t hash_low = 0;
  std::uint64_t hash_high = 0;
  std::uint64_t reading = 0;      // fingerprint of the columns it was read by
  std::uint8_t ends_in_line = 0;  // 1: the last line has no line end
};
Bytes EncodeSource(const Source& source, ValueWriter& writer);
absl::StatusOr<Source> DecodeSource(Bytes value);

Bytes EncodeKinds(const KindTable& kinds, ValueWriter& writer);
Bytes EncodeRetention(const Retention& retention, ValueWriter& writer);
absl::StatusOr<Retention> DecodeRetention(Bytes value);
absl::StatusOr<KindTable> DecodeKinds(Bytes value);

Bytes EncodeCatalogueItem(const CatalogueItem& item, ValueWriter& writer);
absl::StatusOr<CatalogueItem> DecodeCatalogueItem(Bytes value);

Bytes EncodeFacts(const std::vector<UserFact>& facts, ValueWriter& writer);
absl::StatusOr<std::vector<UserFact>> DecodeFacts(Bytes value);

Bytes EncodeModel(const ModelRecord& model, ValueWriter& writer);
absl::StatusOr<ModelRecord> DecodeModel(Bytes value);

// A run of ids of a dictionary, from index `first` on. The empty text: an id whose user was forgotten.
Bytes EncodeIds(Table table, std::uint64_t first, std::span<const std::string_view> ids, ValueWriter& writer);
struct StoredIds {
  std::uint64_t first = 0;
  std::vector<std::string_view> ids;  // live as long as the value
};
absl::StatusOr<StoredIds> DecodeIds(Table table, Bytes value);

// An impression by the store's indices.
struct ImpressionRow {
  std::uint64_t request = 0;
  std::uint64_t model = 0;
  std::int64_t time_us = kNoTime;
  std::uint32_t user = 0;
  std::uint32_t item = 0;
  float propensity = 1;
  std::uint16_t kind = kImpression;
  std::uint16_t rank = 0;
};
static_assert(sizeof(ImpressionRow) == 40);  // without a gap: it is stored as it is
Bytes EncodeImpressions(std::uint64_t first, std::span<const ImpressionRow> rows, ValueWriter& writer);
struct StoredImpressions {
  std::uint64_t first = 0;
  std::vector<ImpressionRow> rows;
};
absl::StatusOr<StoredImpressions> DecodeImpressions(Bytes value);

}  // namespace waypost::store

#endif  // WAYPOST_SRC_STORE_RECORDS_CODEC_HPP_
