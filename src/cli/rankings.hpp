// cli/rankings.hpp - what recommend and similar share: opening a model file, item lists, writing rankings.
#ifndef WAYPOST_CLI_RANKINGS_HPP_
#define WAYPOST_CLI_RANKINGS_HPP_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "console.hpp"
#include "json_writer.hpp"
#include "output_flags.hpp"
#include "table.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/catalogue.hpp"
#include "waypost/rank/recommender.hpp"

namespace waypost::cli {

// Opens a model file with every check.
//
//   catalogue  what rules may ask of the items; null: no rule may need one.
absl::StatusOr<Recommender> OpenRecommender(const std::string& file, const std::string& use,
                                            const Catalogue* catalogue = nullptr);

// Returns the items named: each argument is an item's id, ids separated by commas, or @FILE with one id a line.
absl::StatusOr<std::vector<std::string>> ReadItemList(const std::vector<std::string>& arguments,
                                                      const IdDictionary& items);

// Says on standard error how many of the named items the model does not know.
void NoteUnknownItems(const std::string& option, const std::vector<std::string>& list, const IdDictionary& items,
                      Console& console);

// Writes rankings one after the other, as JSON or as a table; holds one at a time.
//
// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class RankingWriter {
 public:
  //   subject  what each ranking is for: "user" or "item".
  RankingWriter(Console& console, const OutputFlags& flags, std::string subject, bool explain);

  //   id    none for a user who is known by a history alone.
  //   note  goes before the reason why fewer came back.
  void Add(const std::optional<std::string>& id, const Recommendation& ranking, std::string_view note);

  void Finish(int threads);

 private:
  void AddJson(const std::optional<std::string>& id, const Recommendation& ranking, std::string_view reason);
  void AddRows(const std::optional<std::string>& id, const Recommendation& ranking, std::string_view reason);

  Console& console_;
  OutputFlags flags_;
  std::string subject_;
  bool explain_;
  bool first_ = true;
  JsonWriter json_;
};

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_RANKINGS_HPP_
