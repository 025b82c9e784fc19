// waypost/base/array_builder.hpp - an array that is filled once, by any number of threads, and then never changes.
#ifndef WAYPOST_BASE_ARRAY_BUILDER_HPP_
#define WAYPOST_BASE_ARRAY_BUILDER_HPP_

#include <cassert>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "waypost/base/shared_array.hpp"

namespace waypost {

// The elements start without a value: the memory is touched first by the thread that fills it, and what is never
// filled costs addresses alone.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access. Through data()
// threads may write to disjoint elements.
template <typename T>
class ArrayBuilder {
 public:
  // Errors  throws std::bad_alloc.
  explicit ArrayBuilder(std::size_t size) : elements_(AlignedAllocator<T>().allocate(size)), size_(size) {}

  T* data() { return elements_.get(); }
  std::size_t size() const { return size_; }

  // Returns the first `count` elements.
  // Requires  count <= size(); these elements were written.
  SharedArray<T> Build(std::size_t count) && {
    assert(count <= size_);
    const std::span<const T> view(elements_.get(), count);
    return SharedArray<T>(view, std::shared_ptr<const T[]>(std::move(elements_)));
  }

 private:
  struct Free {
    void operator()(T* elements) const noexcept { AlignedAllocator<T>().deallocate(elements, 0); }
  };

  std::unique_ptr<T[], Free> elements_;
  std::size_t size_;
};

}  // namespace waypost

#endif  // WAYPOST_BASE_ARRAY_BUILDER_HPP_
