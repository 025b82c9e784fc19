// Replaces every form of operator new and delete in the one program that includes it, and asks the program about each
// request. All forms: a sanitizer's own version of a form left out would not be asked, and would meet memory that is
// not its own. Memory comes from malloc, so that a sanitizer still sees overruns and leaks.
#ifndef WAYPOST_TESTS_SUPPORT_REPLACED_NEW_HPP_
#define WAYPOST_TESTS_SUPPORT_REPLACED_NEW_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace waypost::testing_support {

// The including program defines both; neither may allocate.
bool MayAllocate(std::size_t size) noexcept;  // false: the request fails
void HasFreed() noexcept;

inline void* AllocateOrNull(std::size_t size, std::size_t alignment) noexcept {
  if (!MayAllocate(size)) return nullptr;
  if (alignment <= alignof(std::max_align_t)) return std::malloc(std::max<std::size_t>(size, 1));
  return std::aligned_alloc(alignment, (std::max<std::size_t>(size, 1) + alignment - 1) / alignment * alignment);
}

inline void* AllocateOrThrow(std::size_t size, std::size_t alignment) {
  void* memory = AllocateOrNull(size, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

inline void Free(void* memory) noexcept {
  if (memory == nullptr) return;
  HasFreed();
  std::free(memory);
}

}  // namespace waypost::testing_support

// Replacements must not be inline: one translation unit of a program includes this file.
void* operator new(std::size_t size) {
  return waypost::testing_support::AllocateOrThrow(size, 1);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return waypost::testing_support::AllocateOrThrow(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return waypost::testing_support::AllocateOrNull(size, 1);
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return waypost::testing_support::AllocateOrNull(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size) {
  return waypost::testing_support::AllocateOrThrow(size, 1);
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return waypost::testing_support::AllocateOrThrow(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return waypost::testing_support::AllocateOrNull(size, 1);
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return waypost::testing_support::AllocateOrNull(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  waypost::testing_support::Free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  waypost::testing_support::Free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  waypost::testing_support::Free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  waypost::testing_support::Free(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  waypost::testing_support::Free(memory);
}
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  waypost::testing_support::Free(memory);
}
void operator delete[](void* memory) noexcept {
  waypost::testing_support::Free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  waypost::testing_support::Free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  waypost::testing_support::Free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  waypost::testing_support::Free(memory);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  waypost::testing_support::Free(memory);
}
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  waypost::testing_support::Free(memory);
}

#endif  // WAYPOST_TESTS_SUPPORT_REPLACED_NEW_HPP_
