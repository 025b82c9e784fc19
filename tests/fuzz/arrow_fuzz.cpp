// Any structures of the Arrow C data interface end in events or in an error of the giver: each part is released exactly
// once, the events keep the invariants of a log, and a stream of one batch gives what the batch alone does. Buffers are
// exactly as long as their arrays say, which the interface lets nobody check; all that can be checked is at the
// fuzzer's will: formats, lengths, offsets, counts, dictionaries, texts, views, NULLs.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/arrow_batches.hpp"
#include "waypost/base/utf8.hpp"

namespace {

using waypost::testing_support::ArrowBatch;
using waypost::testing_support::ArrowBatches;
using waypost::testing_support::ArrowCells;

// Ends the program where a law is broken, so that the fuzzer keeps the input.
void Check(bool law) {
  if (!law) std::abort();
}

// The fuzzer's bytes in order, then zeros.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  std::uint8_t Byte() { return at_ < size_ ? data_[at_++] : 0; }
  std::size_t Below(std::size_t end) { return Byte() % end; }
  std::vector<char> Bytes(std::size_t count) {
    std::vector<char> bytes(count);
    for (char& byte : bytes) byte = static_cast<char>(Byte());
    return bytes;
  }
  // Numbers of a byte each, so that many of them are offsets and sizes that lead somewhere.
  template <typename T>
  std::vector<char> SmallNumbers(std::size_t count) {
    std::vector<char> bytes(count * sizeof(T));
    for (std::size_t n = 0; n < count; ++n) {
      const auto number = static_cast<T>(static_cast<std::int8_t>(Byte()));
      std::memcpy(bytes.data() + n * sizeof(T), &number, sizeof(T));
    }
    return bytes;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
};

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kTextBytes = 127;  // the largest offset of a byte

std::size_t WidthOf(const std::string& format) {
  if (format.size() == 1 && std::string_view("cC").find(format) != std::string_view::npos) return 1;
  if (format.size() == 1 && std::string_view("sS").find(format) != std::string_view::npos) return 2;
  if (format.size() == 1 && std::string_view("iIf").find(format) != std::string_view::npos) return 4;
  return format == "tdD" ? 4 : 8;
}

// Views of up to three buffers; their own numbers are small, their texts any bytes.
void AddViews(Input& input, std::size_t cells, ArrowCells& column) {
  std::vector<char> views;
  for (std::size_t n = 0; n < cells; ++n) {
    const std::vector<char> size = input.SmallNumbers<std::int32_t>(1);
    const bool is_long = size[0] > 12;
    const std::vector<char> rest = is_long ? input.SmallNumbers<std::int32_t>(3) : input.Bytes(12);
    views.insert(views.end(), size.begin(), size.end());
    views.insert(views.end(), rest.begin(), rest.end());
  }
  column.buffers.push_back(std::move(views));
  std::vector<std::int64_t> sizes(input.Below(4));
  for (std::int64_t& size : sizes) {
    size = static_cast<std::int64_t>(1 + input.Below(kTextBytes));
    column.buffers.push_back(input.Bytes(static_cast<std::size_t>(size)));
  }
  std::vector<char> bytes(sizes.size() * sizeof(std::int64_t));
  if (!sizes.empty()) std::memcpy(bytes.data(), sizes.data(), bytes.size());
  column.buffers.push_back(std::move(bytes));
}

ArrowCells MakeColumn(Input& input, std::string name, std::size_t rows, int depth) {
  const char* const kFormats[] = {"l", "u", "U", "vu", "i",    "c",       "C",    "s",   "S",   "I",
                                  "L", "f", "g", "+l", "tsu:", "tsn:UTC", "tss:", "tdD", "tdm", ""};
  enum : unsigned { kValidity = 1, kDictionary = 2, kLonger = 4, kHostile = 8 };
  ArrowCells column;
  column.name = std::move(name);
  column.format = kFormats[input.Below(std::size(kFormats))];
  const unsigned form = input.Byte();
  column.offset = static_cast<std::int64_t>(form >> 5);
  column.length = static_cast<std::int64_t>(rows + ((form & kLonger) != 0 ? input.Below(20) : 0));
  const auto cells = static_cast<std::size_t>(column.offset + column.length);
  column.buffers.push_back((form & kValidity) != 0 ? input.Bytes((cells + 7) / 8) : std::vector<char>());
  if (column.format == "u" || column.format == "U") {
    column.buffers.push_back(column.format == "u" ? input.SmallNumbers<std::int32_t>(cells + 1)
                                                  : input.SmallNumbers<std::int64_t>(cells + 1));
    column.buffers.push_back(input.Bytes(kTextBytes));
  } else if (column.format == "vu") {
    AddViews(input, cells, column);
  } else {
    column.buffers.push_back(input.Bytes(cells * WidthOf(column.format)));
  }
  if ((form & kDictionary) != 0 && depth < 2)
    column.dictionary = std::make_shared<ArrowCells>(MakeColumn(input, "", input.Below(20), depth + 1));
  if ((form & kHostile) == 0) return column;
  constexpr std::int64_t kClaims[] = {-1, kMost, kMost - 3, kMost / 16, -kMost - 1};
  switch (input.Below(4)) {
    case 0:
      column.length = -1 - static_cast<std::int64_t>(input.Below(3));
      break;
    case 1:
      column.offset = kClaims[input.Below(std::size(kClaims))];
      break;
    case 2:
      column.null_count = 1;
      break;
    default:
      column.buffers[input.Below(column.buffers.size())].clear();  // becomes NULL
  }
  return column;
}

// Breaks one thing of the batch itself.
void Break(Input& input, ArrowBatch& batch) {
  constexpr std::int64_t kClaims[] = {-1, 1, kMost, std::int64_t{1} << 40};
  const std::int64_t claim = kClaims[input.Below(std::size(kClaims))];
  ArrowCells& column = batch.columns()[input.Below(batch.columns().size())];
  switch (input.Below(10)) {
    case 0:
      batch.array.length = claim == 1 ? -2 : claim;
      break;
    case 1:
      batch.array.offset = claim == 1 ? -2 : claim;
      break;
    case 2:
      batch.array.n_children = claim;
      break;
    case 3:
      batch.array.children = nullptr;
      break;
    case 4:
      batch.schema.children = nullptr;
      break;
    case 5:
      batch.array.null_count = claim;
      break;
    case 6:
      column.schema.name = nullptr;
      break;
    case 7:
      column.schema.format = nullptr;
      break;
    case 8:
      column.array.n_buffers = claim == 1 ? 0 : -1;
      break;
    default:
      column.array.dictionary = nullptr;
  }
}

struct Result {
  absl::Status status;
  waypost::EventLog log;
};

template <typename Append>
Result Read(Append append) {
  waypost::EventLogBuilder builder;
  const absl::StatusOr<waypost::ReadReport> report = append(builder);
  Result result{report.status(), std::move(builder).Build()};
  if (!report.ok()) {
    Check(report.status().code() == absl::StatusCode::kInvalidArgument);
    Check(report.status().message().substr(0, 5) == "Arrow");
    return result;
  }
  Check(report->accepted == result.log.size() && report->accepted > 0);
  Check(report->messages.size() == std::min<std::size_t>(report->skipped, waypost::kMaxReportedRows));
  for (std::size_t row = 0; row < result.log.size(); ++row) {
    for (const std::string_view id : {result.log.user_id(row), result.log.item_id(row)})
      Check(!id.empty() && id.size() <= waypost::kMaxIdBytes && waypost::IsValidUtf8(id));
    Check(!std::isinf(result.log.value(row)));
  }
  return result;
}

// The batch of an input, in `batches`.
void AddBatch(Input input, bool broken, ArrowBatches& batches) {
  const std::size_t rows = input.Below(41);
  const std::size_t offset = input.Below(8);
  const char* const kNames[] = {"user", "item", "kind", "value", "time", "other"};
  std::vector<ArrowCells> columns;
  for (std::size_t n = 0, count = 2 + input.Below(5); n < count; ++n) {
    const std::size_t choice = input.Below(2 * std::size(kNames));  // half of the time each once, in order
    const std::size_t name =
        choice < std::size(kNames) ? std::min(n, std::size(kNames) - 1) : choice - std::size(kNames);
    columns.push_back(MakeColumn(input, kNames[name], offset + rows, 0));
  }
  batches.batches.emplace_back(std::move(columns), static_cast<std::int64_t>(rows), static_cast<std::int64_t>(offset));
  if (broken) Break(input, batches.batches.front());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned choice = data[0];  // bit 0: error policy, 1: time unit, 2: a broken batch
  waypost::ReadOptions options;
  options.parallelism = waypost::Parallelism(1);
  if ((choice & 1) != 0) options.on_error = waypost::OnError::kSkip;
  if ((choice & 2) != 0) options.time_unit = waypost::TimeUnit::kMilliseconds;
  ArrowBatches alone;
  AddBatch(Input(data + 1, size - 1), (choice & 4) != 0, alone);
  ArrowBatch& batch = alone.batches.front();
  const Result one = Read([&](waypost::EventLogBuilder& builder) {
    return waypost::AppendArrow(&batch.schema, &batch.array, options, builder);
  });
  Check(batch.schema_releases == 1 && batch.array_releases == 1);

  ArrowBatches stream;
  AddBatch(Input(data + 1, size - 1), (choice & 4) != 0, stream);
  const Result all = Read(
      [&](waypost::EventLogBuilder& builder) { return waypost::AppendArrowStream(stream.Start(), options, builder); });
  Check(stream.releases == 1 && stream.batches.front().schema_releases == 1);
  Check(stream.batches.front().array_releases == static_cast<int>(stream.next));  // no batch after a bad schema
  Check(all.status == one.status && all.log.size() == one.log.size());
  for (std::size_t row = 0; row < all.log.size(); ++row) {
    Check(all.log.user_id(row) == one.log.user_id(row) && all.log.item_id(row) == one.log.item_id(row));
    Check(all.log.columns().kinds == one.log.columns().kinds &&
          all.log.columns().times_us == one.log.columns().times_us);
  }
  return 0;
}
