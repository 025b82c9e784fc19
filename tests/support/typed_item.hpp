// An item of a catalogue of which a test needs the type alone.
#ifndef WAYPOST_TESTS_SUPPORT_TYPED_ITEM_HPP_
#define WAYPOST_TESTS_SUPPORT_TYPED_ITEM_HPP_

#include <string>
#include <utility>

#include "waypost/event/catalogue.hpp"

namespace waypost::testing_support {

inline CatalogueItem TypedItem(std::string id, std::string type) {
  CatalogueItem item;
  item.id = std::move(id);
  item.type = std::move(type);
  return item;
}

}  // namespace waypost::testing_support

#endif  // WAYPOST_TESTS_SUPPORT_TYPED_ITEM_HPP_
