// What a bundle gives, as text: a line for each fact, id, history entry and score.
#ifndef WAYPOST_TESTS_GOLDEN_RESULTS_HPP_
#define WAYPOST_TESTS_GOLDEN_RESULTS_HPP_

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "waypost/file/model_bundle.hpp"

namespace waypost::golden {

// Each line ends with a number; all before it is text to be compared exactly.
inline std::string ResultsOf(const ModelBundle& bundle) {
  std::ostringstream text;
  text.precision(9);
  text << "default " << bundle.default_model << " events " << bundle.facts.events << '\n';
  for (std::uint32_t u = 0; u < bundle.users.size(); ++u)
    text << "user " << bundle.users.id(u) << ' ' << bundle.users.Find(bundle.users.id(u)).value_or(999) << '\n';
  for (std::uint32_t i = 0; i < bundle.items.size(); ++i)
    text << "item " << bundle.items.id(i) << " '" << bundle.titles.title(ItemIndex{i}) << "' "
         << bundle.items.Find(bundle.items.id(i)).value_or(999) << '\n';
  for (std::size_t u = 0; u < bundle.history.rows(); ++u) {
    const SparseRowView row = bundle.history.row(u);
    for (std::size_t n = 0; n < row.size(); ++n)
      text << "history " << u << ' ' << row.columns[n] << ' ' << row.value(n) << '\n';
  }
  std::vector<float> scores(bundle.items.size());
  for (const NamedModel& model : bundle.models) {
    for (std::uint32_t u = 0; u < bundle.history.rows(); ++u) {
      for (const bool known : {true, false}) {
        UserView user{.user = std::nullopt, .history = bundle.history.row(u)};
        if (known) user.user = UserIndex{u};
        const absl::Status status = model.scorer->Score(std::span(&user, 1), scores, Parallelism(1));
        if (!status.ok()) text << "error " << status.message() << " 0\n";
        for (std::size_t i = 0; i < scores.size(); ++i)
          text << "score " << model.name << ' ' << model.scorer->kind() << (known ? " known " : " fold-in ") << u << ' '
               << i << ' ' << scores[i] << '\n';
      }
    }
  }
  return text.str();
}

}  // namespace waypost::golden

#endif  // WAYPOST_TESTS_GOLDEN_RESULTS_HPP_
