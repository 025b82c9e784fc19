// error: could not convert|cannot convert|no viable conversion|no known conversion|no matching
// A number becomes an index only where that is written.
#include "waypost/model/scorer.hpp"

int main() {
#ifdef WRONG
  return waypost::ValidateItem(3, 10).ok();
#else
  return waypost::ValidateItem(waypost::ItemIndex{3}, 10).ok();
#endif
}
