// report/texts.hpp - the words of the report in the languages it speaks.
#ifndef WAYPOST_REPORT_TEXTS_HPP_
#define WAYPOST_REPORT_TEXTS_HPP_

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "waypost/report/language.hpp"

namespace waypost::report {

// The lines of texts.tsv: a key, the text in English, in Chinese.
//
// Immutable: safe to use from any number of threads.
class Texts {
 public:
  explicit Texts(Language language);

  // Returns a text with $0, $1, ... replaced by `values`; the key itself where there is no such text.
  std::string operator()(std::string_view key, std::initializer_list<std::string_view> values = {}) const;
  bool Has(std::string_view key) const { return texts_.contains(key); }

 private:
  std::map<std::string_view, std::string_view> texts_;
};

}  // namespace waypost::report

#endif  // WAYPOST_REPORT_TEXTS_HPP_
