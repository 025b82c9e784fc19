// waypost/base/shared_array.hpp - immutable arrays that are either owned or lie in a mapping they keep alive.
//
// Every stored value (dictionaries, compressed rows, factors, neighbours) is built from SharedArray, so that a model
// trained in memory and one opened from a read-only mapping are the same type, and a copy costs a reference count.
#ifndef WAYPOST_BASE_SHARED_ARRAY_HPP_
#define WAYPOST_BASE_SHARED_ARRAY_HPP_

#include <cassert>
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace waypost {

// 64: one cache line, and the widest vector register there is.
inline constexpr std::size_t kAlignment = 64;

template <typename T>
struct AlignedAllocator {
  using value_type = T;

  AlignedAllocator() = default;
  template <typename U>
  constexpr AlignedAllocator(const AlignedAllocator<U>&) noexcept {}

  T* allocate(std::size_t count) {
    if (count > static_cast<std::size_t>(-1) / sizeof(T)) throw std::bad_array_new_length();
    return static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{kAlignment}));
  }
  void deallocate(T* memory, std::size_t) noexcept { ::operator delete (memory, std::align_val_t{kAlignment}); }

  friend bool operator==(const AlignedAllocator&, const AlignedAllocator&) { return true; }
};

template <typename T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

// Immutable: safe to use from any number of threads.
template <typename T>
class SharedArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  SharedArray() = default;

  // Takes the elements over.
  explicit SharedArray(AlignedVector<T> elements) {
    auto owned = std::make_shared<const AlignedVector<T>>(std::move(elements));
    view_ = *owned;
    owner_ = std::move(owned);
  }

  // Lifetime  `elements` must live as long as `owner` does; the array keeps `owner` alive.
  SharedArray(std::span<const T> elements, std::shared_ptr<const void> owner)
      : view_(elements), owner_(std::move(owner)) {}

  static SharedArray CopyOf(std::span<const T> elements) {
    return SharedArray(AlignedVector<T>(elements.begin(), elements.end()));
  }

  std::span<const T> span() const { return view_; }
  const T* data() const { return view_.data(); }
  std::size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  const T& operator[](std::size_t position) const {
    assert(position < view_.size());
    return view_[position];
  }
  auto begin() const { return view_.begin(); }
  auto end() const { return view_.end(); }

 private:
  std::span<const T> view_;
  std::shared_ptr<const void> owner_;
};

}  // namespace waypost

#endif  // WAYPOST_BASE_SHARED_ARRAY_HPP_
