// error: could not convert|cannot convert|no viable conversion|no matching
// A user cannot be passed where an item is meant.
#include "waypost/base/ids.hpp"

bool IsFirst(waypost::ItemIndex item) {
  return item == waypost::ItemIndex{0};
}

int main() {
#ifdef WRONG
  return IsFirst(waypost::UserIndex{0});
#else
  return IsFirst(waypost::ItemIndex{0});
#endif
}
