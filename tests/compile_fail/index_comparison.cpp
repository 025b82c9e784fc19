// error: no match for|invalid operands
// A user and an item have no order.
#include "waypost/base/ids.hpp"

int main() {
#ifdef WRONG
  return waypost::UserIndex{0} == waypost::ItemIndex{0};
#else
  return waypost::UserIndex{0} == waypost::UserIndex{0};
#endif
}
