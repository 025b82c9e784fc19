// serve/refreshed.hpp - a value that is made anew now and then, by the call that needs it.
#ifndef WAYPOST_SRC_SERVE_REFRESHED_HPP_
#define WAYPOST_SRC_SERVE_REFRESHED_HPP_

#include <memory>
#include <mutex>
#include <utility>

#include "waypost/base/status.hpp"

namespace waypost::serve {

// Thread-safe: all members may be called concurrently. One call makes the value; those that run meanwhile get the one
// before, or wait where there is none that they can use.
template <typename Value>
class Refreshed {
 public:
  // Returns the value kept if `fresh(value)`, else what `make(kept)` returns, which is then kept.
  //
  //   usable(value)  whether a value will do that is not fresh.
  //   make(kept)     StatusOr<shared_ptr<const Value>>; one call at a time; `kept` is null at first.
  // Errors           those of make.
  template <typename Fresh, typename Usable, typename Make>
  absl::StatusOr<std::shared_ptr<const Value>> Get(const Fresh& fresh, const Usable& usable, const Make& make) {
    std::shared_ptr<const Value> kept = Kept();
    if (kept != nullptr && fresh(*kept)) return kept;
    std::unique_lock lock(making_, std::try_to_lock);
    if (!lock.owns_lock()) {
      if (kept != nullptr && usable(*kept)) return kept;
      lock.lock();
    }
    kept = Kept();
    if (kept != nullptr && fresh(*kept)) return kept;
    WAYPOST_ASSIGN_OR_RETURN(std::shared_ptr<const Value> made, make(kept));
    Keep(made);
    return made;
  }

  void Drop() { Keep(nullptr); }

 private:
  std::shared_ptr<const Value> Kept() const {
    const std::lock_guard lock(mutex_);
    return kept_;
  }
  void Keep(std::shared_ptr<const Value> value) {
    const std::lock_guard lock(mutex_);
    kept_.swap(value);
  }  // the old value ends after the lock

  std::mutex making_;
  mutable std::mutex mutex_;  // for the copy of a pointer
  std::shared_ptr<const Value> kept_;
};

}  // namespace waypost::serve

#endif  // WAYPOST_SRC_SERVE_REFRESHED_HPP_
