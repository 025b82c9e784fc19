// What a store gives, as text: a line for each thing it holds.
#ifndef WAYPOST_TESTS_GOLDEN_STORE_TEXT_HPP_
#define WAYPOST_TESTS_GOLDEN_STORE_TEXT_HPP_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "waypost/store/store.hpp"

namespace waypost::golden {

// Every event is told twice: in the order of rows, and by its user.
inline std::string TextOf(const StoreSnapshot& snapshot) {
  std::ostringstream text;
  text.precision(9);
  const auto optional = [](const std::optional<std::int64_t>& time) { return time ? std::to_string(*time) : "none"; };
  text << "end of rows " << snapshot.end_row() << ", forgotten " << snapshot.forgotten_count() << '\n';
  for (std::size_t n = 0; n < snapshot.kinds().size(); ++n) {
    const Kind& kind = snapshot.kinds().at(static_cast<std::uint16_t>(n));
    text << "kind " << kind.name << ' ' << kind.weight << '\n';
  }
  EventColumns columns;
  std::vector<std::uint64_t> rows;
  if (!snapshot.ReadRows(0, snapshot.end_row(), Parallelism(1), columns, &rows).ok()) text << "no rows\n";
  for (std::size_t n = 0; n < rows.size(); ++n)
    text << "row " << rows[n] << " user " << columns.users[n] << " item " << columns.items[n] << " kind "
         << columns.kinds[n] << " value " << columns.values[n] << " time " << columns.times_us[n] << '\n';
  for (std::uint32_t user = 0; user < snapshot.user_count(); ++user) {
    text << "user " << user << " '" << snapshot.UserId(UserIndex{user}).value_or("damaged") << "'\n";
    std::vector<StoredEvent> history;
    if (!snapshot.History(UserIndex{user}, history).ok()) text << "no history\n";
    for (const StoredEvent& event : history)
      text << "  item " << event.item.value << " kind " << event.kind << " value " << event.value << " time "
           << event.time_us << '\n';
  }
  for (std::uint32_t item = 0; item < snapshot.item_count(); ++item)
    text << "item " << item << " '" << snapshot.ItemId(ItemIndex{item}).value_or("damaged") << "'\n";
  for (const char* const source : {"app", "nobody"})
    text << "source " << source << " goes on with " << snapshot.NextSequence(source).value_or(~std::uint64_t{0})
         << '\n';
  const Catalogue catalogue = snapshot.ReadCatalogue().value_or(Catalogue());
  for (const CatalogueItem& item : catalogue.items()) {
    text << "catalogue " << item.id << " '" << item.type << "' '" << item.title << "' '" << item.category << "' '"
         << item.level << "' '" << item.language << "' '" << item.author << "' price " << item.price.value_or(-1)
         << " from " << optional(item.available_from_us) << " until " << optional(item.available_until_us)
         << " published " << optional(item.published_us);
    for (const std::string& one : item.texts) text << " text '" << one << "'";
    for (const std::string& one : item.tags) text << " tag '" << one << "'";
    for (const std::string& one : item.prerequisites) text << " after '" << one << "'";
    for (const Attribute& attribute : item.attributes) text << ' ' << attribute.name << "='" << attribute.value << "'";
    text << '\n';
  }
  const UserTable users = snapshot.ReadUserTable().value_or(UserTable());
  for (std::uint32_t user = 0; user < users.size(); ++user)
    for (const UserFact& fact : users.facts(user))
      text << "fact " << users.ids().id(user) << ' ' << fact.name << "='" << fact.value << "' since "
           << optional(fact.since_us) << '\n';
  for (const Impression& shown :
       snapshot.ReadImpressions(0, snapshot.end_impression()).value_or(std::vector<Impression>()))
    text << "impression " << shown.request << " user " << shown.user << " item " << shown.item << " kind " << shown.kind
         << " rank " << shown.rank << " propensity " << shown.propensity << " model " << shown.model << " time "
         << optional(shown.time_us) << '\n';
  for (const ModelRecord& model : snapshot.ReadModels().value_or(std::vector<ModelRecord>()))
    text << "model " << model.name << " file " << model.file << ' ' << model.fingerprint << " users "
         << model.user_count << " forgotten " << model.forgotten << " trained " << optional(model.published_us) << '\n';
  return text.str();
}

}  // namespace waypost::golden

#endif  // WAYPOST_TESTS_GOLDEN_STORE_TEXT_HPP_
