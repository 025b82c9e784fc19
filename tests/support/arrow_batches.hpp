// Record batches and streams in the Arrow C data interface, written by hand.
#ifndef WAYPOST_TESTS_SUPPORT_ARROW_BATCHES_HPP_
#define WAYPOST_TESTS_SUPPORT_ARROW_BATCHES_HPP_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "waypost/event/arrow.hpp"

namespace waypost::testing_support {

// A column written by hand.
struct ArrowCells {
  std::string name;
  std::string format;
  std::vector<std::vector<char>> buffers;
  std::vector<const void*> buffer_list = {};
  std::int64_t length = 0;
  std::int64_t offset = 0;
  std::int64_t null_count = 0;
  std::shared_ptr<ArrowCells> dictionary = nullptr;
  ArrowSchema schema = {};
  ArrowArray array = {};

  void Finish() {
    buffer_list.clear();
    for (const std::vector<char>& buffer : buffers)
      buffer_list.push_back(buffer.empty() ? nullptr : static_cast<const void*>(buffer.data()));
    schema.format = format.c_str();
    schema.name = name.c_str();
    array.length = length;
    array.null_count = null_count;
    array.offset = offset;
    array.n_buffers = static_cast<std::int64_t>(buffer_list.size());
    array.buffers = buffer_list.data();
    if (dictionary == nullptr) return;
    dictionary->Finish();
    schema.dictionary = &dictionary->schema;
    array.dictionary = &dictionary->array;
  }
};

// A record batch of such columns. Counts how often each part is released.
class ArrowBatch {
 public:
  ArrowBatch(const ArrowBatch&) = delete;  // the structures point into it
  ArrowBatch& operator=(const ArrowBatch&) = delete;
  explicit ArrowBatch(std::vector<ArrowCells> columns, std::int64_t length = -1, std::int64_t offset = 0)
      : columns_(std::move(columns)) {
    for (ArrowCells& column : columns_) {
      column.Finish();
      schemas_.push_back(&column.schema);
      arrays_.push_back(&column.array);
    }
    schema.format = "+s";
    schema.n_children = static_cast<std::int64_t>(columns_.size());
    schema.children = schemas_.data();
    schema.release = ReleaseSchema;
    schema.private_data = this;
    array.length = length < 0 ? columns_[0].length : length;
    array.offset = offset;
    array.n_buffers = 1;
    array.n_children = schema.n_children;
    array.buffers = &no_validity_;
    array.children = arrays_.data();
    array.release = ReleaseArray;
    array.private_data = this;
  }

  ArrowSchema schema = {};
  ArrowArray array = {};
  int schema_releases = 0;
  int array_releases = 0;
  std::vector<ArrowCells>& columns() { return columns_; }

 private:
  static void ReleaseSchema(ArrowSchema* schema) {
    ++static_cast<ArrowBatch*>(schema->private_data)->schema_releases;
    schema->release = nullptr;
  }
  static void ReleaseArray(ArrowArray* array) {
    ++static_cast<ArrowBatch*>(array->private_data)->array_releases;
    array->release = nullptr;
  }

  std::vector<ArrowCells> columns_;
  std::vector<ArrowSchema*> schemas_;
  std::vector<ArrowArray*> arrays_;
  const void* no_validity_ = nullptr;
};

// A stream of batches, and how it ends.
struct ArrowBatches {
  std::deque<ArrowBatch> batches = {};
  int error = 0;  // after the batches
  std::size_t next = 0;
  int releases = 0;
  ArrowArrayStream stream = {};

  ArrowArrayStream* Start() {
    stream = {.get_schema =
                  [](ArrowArrayStream* self, ArrowSchema* out) {
                    *out = static_cast<ArrowBatches*>(self->private_data)->batches[0].schema;
                    return 0;
                  },
              .get_next =
                  [](ArrowArrayStream* self, ArrowArray* out) {
                    ArrowBatches& all = *static_cast<ArrowBatches*>(self->private_data);
                    if (all.next == all.batches.size()) return all.error;
                    *out = all.batches[all.next++].array;
                    return 0;
                  },
              .get_last_error = [](ArrowArrayStream*) { return "the disk is gone"; },
              .release =
                  [](ArrowArrayStream* self) {
                    ++static_cast<ArrowBatches*>(self->private_data)->releases;
                    self->release = nullptr;
                  },
              .private_data = this};
    return &stream;
  }
};

}  // namespace waypost::testing_support

#endif  // WAYPOST_TESTS_SUPPORT_ARROW_BATCHES_HPP_
