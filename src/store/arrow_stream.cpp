#include "waypost/store/arrow_stream.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace waypost {
namespace {

constexpr std::uint64_t kRowsInBatch = std::uint64_t{1} << 16;  // times 256 bytes an id: offsets of 32 bits are enough

struct ColumnForm {
  const char* name;
  const char* format;
  std::int64_t flags;
};
constexpr std::int64_t kNullable = 2;  // ARROW_FLAG_NULLABLE
constexpr std::array<ColumnForm, 5> kColumns = {
    {{"user", "u", 0}, {"item", "u", 0}, {"kind", "u", 0}, {"value", "f", kNullable}, {"time", "tsu:UTC", kNullable}}};

// (1) What is released on its own holds its own memory: a consumer may move a child out of its parent, and does so by
//     clearing the `release` of the one it leaves.
struct SchemaMemory {
  std::array<ArrowSchema, kColumns.size()> children;
  std::array<ArrowSchema*, kColumns.size()> pointers;
};

void ReleaseChildSchema(ArrowSchema* schema) {
  schema->release = nullptr;  // its texts are constants
}

void ReleaseSchema(ArrowSchema* schema) {
  auto* const memory = static_cast<SchemaMemory*>(schema->private_data);
  for (ArrowSchema& child : memory->children)
    if (child.release != nullptr) child.release(&child);
  delete memory;
  schema->release = nullptr;
}

void FillSchema(ArrowSchema* schema) {
  auto* const memory = new SchemaMemory{};
  for (std::size_t column = 0; column < kColumns.size(); ++column) {
    memory->children[column] = {.format = kColumns[column].format,
                                .name = kColumns[column].name,
                                .metadata = nullptr,
                                .flags = kColumns[column].flags,
                                .n_children = 0,
                                .children = nullptr,
                                .dictionary = nullptr,
                                .release = ReleaseChildSchema,
                                .private_data = nullptr};
    memory->pointers[column] = &memory->children[column];
  }
  *schema = {.format = "+s",
             .name = "",
             .metadata = nullptr,
             .flags = 0,
             .n_children = static_cast<std::int64_t>(kColumns.size()),
             .children = memory->pointers.data(),
             .dictionary = nullptr,
             .release = ReleaseSchema,
             .private_data = memory};
}

// The buffers of one column.
struct ColumnMemory {
  std::vector<std::uint8_t> validity;  // bits; empty: no null
  std::vector<std::int32_t> offsets;
  std::string bytes;
  std::vector<float> values;
  std::vector<std::int64_t> times;
  std::array<const void*, 3> buffers = {};
};

struct BatchMemory {
  std::array<ArrowArray, kColumns.size()> children;
  std::array<ArrowArray*, kColumns.size()> pointers;
  const void* validity = nullptr;  // of the rows: none is null
};

void ReleaseColumn(ArrowArray* array) {
  delete static_cast<ColumnMemory*>(array->private_data);
  array->release = nullptr;
}

void ReleaseBatch(ArrowArray* array) {
  auto* const memory = static_cast<BatchMemory*>(array->private_data);
  for (ArrowArray& child : memory->children)
    if (child.release != nullptr) child.release(&child);
  delete memory;
  array->release = nullptr;
}

// Takes the memory over.
ArrowArray ColumnArray(std::unique_ptr<ColumnMemory> memory, std::size_t rows, std::int64_t nulls,
                       std::int64_t buffers) {
  memory->buffers[0] = nulls == 0 ? nullptr : memory->validity.data();
  return {.length = static_cast<std::int64_t>(rows),
          .null_count = nulls,
          .offset = 0,
          .n_buffers = buffers,
          .n_children = 0,
          .buffers = memory->buffers.data(),
          .children = nullptr,
          .dictionary = nullptr,
          .release = ReleaseColumn,
          .private_data = memory.release()};
}

// A column of texts: `text(row)` gives each.
template <typename Text>
ArrowArray TextColumn(std::size_t rows, const Text& text) {
  auto memory = std::make_unique<ColumnMemory>();
  memory->offsets.reserve(rows + 1);
  memory->offsets.push_back(0);
  for (std::size_t row = 0; row < rows; ++row) {
    memory->bytes += text(row);
    memory->offsets.push_back(static_cast<std::int32_t>(memory->bytes.size()));
  }
  memory->buffers = {nullptr, memory->offsets.data(), memory->bytes.data()};
  return ColumnArray(std::move(memory), rows, 0, 3);
}

// A column of numbers, kept in `cells` of the memory; `missing(number)` tells which stand for none.
template <typename T, typename Missing>
ArrowArray NumberColumn(const CompactColumn<T>& column, std::size_t rows, std::vector<T> ColumnMemory::*cells,
                        const Missing& missing) {
  auto memory = std::make_unique<ColumnMemory>();
  std::vector<T>& kept = (*memory).*cells;
  kept.resize(rows);
  memory->validity.assign((rows + 7) / 8, 0);
  std::int64_t nulls = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const bool none = missing(column[row]);
    kept[row] = none ? T{} : column[row];
    nulls += none ? 1 : 0;
    if (!none) memory->validity[row / 8] |= static_cast<std::uint8_t>(1u << (row % 8));
  }
  memory->buffers[1] = kept.data();
  return ColumnArray(std::move(memory), rows, nulls, 2);
}

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class Exporter {
 public:
  Exporter(StoreSnapshot snapshot, std::vector<std::string> users, std::vector<std::string> items)
      : snapshot_(std::move(snapshot)), users_(std::move(users)), items_(std::move(items)) {}

  // Fills the next batch; one that is released already where there is none.
  absl::Status Next(ArrowArray* batch) {
    *batch = {};
    const KindTable& kinds = snapshot_.kinds();
    EventColumns columns;
    while (columns.users.size() == 0) {  // rows may be missing
      if (next_row_ >= snapshot_.end_row()) return absl::OkStatus();
      const std::uint64_t end = std::min(snapshot_.end_row(), next_row_ + kRowsInBatch);
      EventColumns read;
      WAYPOST_RETURN_IF_ERROR(snapshot_.ReadRows(next_row_, end, Parallelism(1), read));
      next_row_ = end;
      for (std::size_t row = 0; row < read.users.size(); ++row) {
        if (read.users[row] >= users_.size() || read.items[row] >= items_.size() || read.kinds[row] >= kinds.size())
          return absl::DataLossError("events: want users, items and kinds of the store, got others");
        if (users_[read.users[row]].empty()) continue;  // forgotten after the snapshot was taken
        columns.users.push_back(read.users[row]);
        columns.items.push_back(read.items[row]);
        columns.kinds.push_back(read.kinds[row]);
        columns.values.push_back(read.values[row]);
        columns.times_us.push_back(read.times_us[row]);
      }
    }
    const std::size_t rows = columns.users.size();
    auto memory = std::make_unique<BatchMemory>();
    // From here on the children are released with the batch, also when memory runs out between them.
    for (std::size_t column = 0; column < kColumns.size(); ++column)
      memory->pointers[column] = &memory->children[column];
    *batch = {.length = static_cast<std::int64_t>(rows),
              .null_count = 0,
              .offset = 0,
              .n_buffers = 1,
              .n_children = static_cast<std::int64_t>(kColumns.size()),
              .buffers = &memory->validity,
              .children = memory->pointers.data(),
              .dictionary = nullptr,
              .release = ReleaseBatch,
              .private_data = memory.get()};
    BatchMemory& filled = *memory.release();
    filled.children[0] =
        TextColumn(rows, [&](std::size_t row) -> const std::string& { return users_[columns.users[row]]; });
    filled.children[1] =
        TextColumn(rows, [&](std::size_t row) -> const std::string& { return items_[columns.items[row]]; });
    filled.children[2] =
        TextColumn(rows, [&](std::size_t row) -> const std::string& { return kinds.at(columns.kinds[row]).name; });
    filled.children[3] =
        NumberColumn(columns.values, rows, &ColumnMemory::values, [](float value) { return std::isnan(value); });
    filled.children[4] =
        NumberColumn(columns.times_us, rows, &ColumnMemory::times, [](std::int64_t time) { return time == kNoTime; });
    return absl::OkStatus();
  }

  // What get_last_error returns.
  const char* error() const { return error_.empty() ? nullptr : error_.c_str(); }
  void Fail(std::string_view message) { error_ = message; }

 private:
  StoreSnapshot snapshot_;
  std::vector<std::string> users_;
  std::vector<std::string> items_;
  std::uint64_t next_row_ = 0;
  std::string error_;
};

Exporter& Of(ArrowArrayStream* stream) {
  return *static_cast<Exporter*>(stream->private_data);
}

int GetSchema(ArrowArrayStream*, ArrowSchema* schema) try {
  FillSchema(schema);
  return 0;
} catch (const std::bad_alloc&) {
  return ENOMEM;
}

int GetNext(ArrowArrayStream* stream, ArrowArray* batch) try {
  const absl::Status status = Of(stream).Next(batch);
  if (status.ok()) return 0;
  Of(stream).Fail(internal::ToStd(status.message()));
  return EIO;
} catch (const std::bad_alloc&) {
  if (batch->release != nullptr) batch->release(batch);
  return ENOMEM;
}

const char* GetLastError(ArrowArrayStream* stream) {
  return Of(stream).error();
}

void ReleaseStream(ArrowArrayStream* stream) {
  delete &Of(stream);
  stream->release = nullptr;
}

}  // namespace

absl::Status ExportArrowStream(StoreSnapshot snapshot, ArrowArrayStream* stream) try {
  *stream = {};
  WAYPOST_ASSIGN_OR_RETURN(std::vector<std::string> users, snapshot.UserIds());
  WAYPOST_ASSIGN_OR_RETURN(std::vector<std::string> items, snapshot.ItemIds());
  auto exporter = std::make_unique<Exporter>(std::move(snapshot), std::move(users), std::move(items));
  *stream = {.get_schema = GetSchema,
             .get_next = GetNext,
             .get_last_error = GetLastError,
             .release = ReleaseStream,
             .private_data = exporter.release()};
  return absl::OkStatus();
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("ExportArrowStream: memory");
}

}  // namespace waypost
