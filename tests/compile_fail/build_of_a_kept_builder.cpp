// error: discards qualifiers|as 'this' argument|expects an rvalue|passing .* as .this.
// Building empties the builder, so it must be given away.
#include <utility>

#include "waypost/event/id_dictionary.hpp"

int main() {
  waypost::IdDictionaryBuilder builder;
#ifdef WRONG
  return static_cast<int>(builder.Build().size());
#else
  return static_cast<int>(std::move(builder).Build().size());
#endif
}
