#include "waypost/rank/filter.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <string>
#include <utility>

#include "base/shown.hpp"
#include "rank/filter_error.hpp"
#include "waypost/event/timestamp.hpp"

namespace waypost {
namespace {

using internal::FilterError;
using internal::Shown;
using Kind = FilterStep::Kind;

// The items for which `test(item)` holds.
template <typename Test>
Bitmap Where(std::size_t items, const Test& test) {
  Bitmap found(items);
  for (std::size_t first = 0; first < items; first += 64) {
    const std::size_t end = std::min(items, first + 64);
    std::uint64_t word = 0;
    for (std::size_t item = first; item < end; ++item) word |= static_cast<std::uint64_t>(test(item)) << (item - first);
    found.SetWord(first / 64, word);
  }
  return found;
}

std::string_view ColumnHolds(const FactColumn& column) {
  switch (column.type) {
    case FactType::kText:
    case FactType::kTexts:
      return "texts";
    case FactType::kNumber:
      return "numbers";
    case FactType::kTime:
      return "times";
    case FactType::kAttribute:
      return column.numbers.empty() ? "texts" : "texts and numbers";
  }
  return "";
}

// The steps of one filter over one catalogue.
class Compiler {
 public:
  explicit Compiler(const ItemFacts& facts) : facts_(facts), items_(facts.item_count()) {}

  absl::StatusOr<Bitmap> Run(const std::vector<FilterStep>& steps) {
    std::vector<Bitmap> sets;  // as deep as the filter is nested
    for (const FilterStep& step : steps) {
      if (step.kind == Kind::kNot) {
        sets.back().Invert();
      } else if (step.kind == Kind::kAnd || step.kind == Kind::kOr) {
        const Bitmap right = std::move(sets.back());
        sets.pop_back();
        step.kind == Kind::kAnd ? sets.back().IntersectWith(right) : sets.back().UniteWith(right);
      } else {
        WAYPOST_ASSIGN_OR_RETURN(Bitmap found, Test(step));
        sets.push_back(std::move(found));
      }
    }
    return std::move(sets.back());
  }

 private:
  absl::StatusOr<Bitmap> Test(const FilterStep& step) const {
    const FactColumn* column = facts_.FindColumn(step.name);
    if (column == nullptr) {
      std::string known;
      for (const auto& [name, unused] : facts_.columns()) {
        if (known.size() > 300) {  // a message has one line
          known += ", ...";
          break;
        }
        known += (known.empty() ? "" : ", ") + name;
      }
      return FilterError(step.position, absl::StrCat("want an attribute of the catalogue, one of ", known, ", got ",
                                                     Shown(step.name)));
    }
    if (step.kind == Kind::kHas) return Has(*column);
    switch (column->type) {
      case FactType::kText:
      case FactType::kTexts:
        return Texts(*column, step);
      case FactType::kNumber:
        return Numbers(*column, step, /*single=*/true);
      case FactType::kTime:
        return Times(*column, step);
      case FactType::kAttribute:
        return Attributes(*column, step);
    }
    return absl::InternalError("Filter: want a type of column, got another");
  }

  absl::Status WrongValue(const FactColumn& column, const FilterStep& step, const FilterStep::Value& value,
                          std::string_view want) const {
    return FilterError(value.position,
                       absl::StrCat("want ", internal::ToAbsl(want), ", because ", Shown(step.name), " holds ",
                                    internal::ToAbsl(ColumnHolds(column)), ", got ", Shown(value.text)));
  }

  Bitmap Has(const FactColumn& column) const {
    switch (column.type) {
      case FactType::kTexts:
        return Where(items_, [&](std::size_t item) { return column.offsets[item + 1] > column.offsets[item]; });
      case FactType::kNumber:
        return Where(items_, [&](std::size_t item) { return column.numbers[item] == column.numbers[item]; });
      case FactType::kTime:
        return Where(items_, [&](std::size_t item) { return column.times[item] != kNoTime; });
      case FactType::kText:
      case FactType::kAttribute:
        break;
    }
    return Where(items_, [&](std::size_t item) { return column.codes[item] != kNoText; });
  }

  absl::StatusOr<Bitmap> Texts(const FactColumn& column, const FilterStep& step) const {
    if (step.kind != Kind::kIn)
      return FilterError(step.position,
                         absl::StrCat("want ==, != or in, because ", Shown(step.name), " holds texts, got an order"));
    std::vector<char> wanted(column.code_of.size(), 0);
    for (const FilterStep::Value& value : step.values) {
      if (value.is_number) return WrongValue(column, step, value, "a text in quotes");
      if (const auto code = column.FindCode(value.text)) wanted[*code] = 1;
    }
    if (column.type == FactType::kTexts)
      return Where(items_, [&](std::size_t item) {
        bool any = false;
        for (std::uint64_t n = column.offsets[item]; n < column.offsets[item + 1]; ++n)
          any |= wanted[column.codes[n]] != 0;
        return any;
      });
    wanted.push_back(0);  // of a missing value
    const std::size_t missing = wanted.size() - 1;
    return Where(items_, [&](std::size_t item) {
      return wanted[std::min<std::size_t>(column.codes[item], missing)] != 0;  // kNoText is above every code
    });
  }

  // Rows of `rows` that compare with the values; `missing` is the row's value where it has none.
  template <typename Row>
  Bitmap Compare(const std::vector<Row>& rows, const FilterStep& step, const std::vector<Row>& values,
                 Row missing) const {
    const Row value = values.front();
    switch (step.kind) {
      case Kind::kLess:
        return Where(items_, [&](std::size_t item) { return rows[item] < value && rows[item] != missing; });
      case Kind::kLessEqual:
        return Where(items_, [&](std::size_t item) { return rows[item] <= value && rows[item] != missing; });
      case Kind::kGreater:
        return Where(items_, [&](std::size_t item) { return rows[item] > value; });
      case Kind::kGreaterEqual:
        return Where(items_, [&](std::size_t item) { return rows[item] >= value && rows[item] != missing; });
      default:
        break;
    }
    if (values.size() == 1)
      return Where(items_, [&](std::size_t item) { return rows[item] == value && rows[item] != missing; });
    return Where(items_, [&](std::size_t item) {
      // Not a binary search: it would find a NaN among any values. There are few.
      return rows[item] != missing && std::find(values.begin(), values.end(), rows[item]) != values.end();
    });
  }

  // A NaN compares with nothing, so any number may stand for "missing".
  absl::StatusOr<Bitmap> Numbers(const FactColumn& column, const FilterStep& step, bool single) const {
    std::vector<double> values;
    for (const FilterStep::Value& value : step.values) {
      if (!value.is_number) return WrongValue(column, step, value, "a number");
      values.push_back(single ? static_cast<float>(value.number) : value.number);
    }
    if (column.numbers.empty()) return Bitmap(items_);
    return Compare(column.numbers, step, values, std::numeric_limits<double>::quiet_NaN());
  }

  absl::StatusOr<Bitmap> Times(const FactColumn& column, const FilterStep& step) const {
    std::vector<std::int64_t> values;
    for (const FilterStep::Value& value : step.values) {
      if (value.is_number) return WrongValue(column, step, value, "a date in quotes");
      const absl::StatusOr<std::int64_t> time = ParseTimestamp(value.text, std::nullopt);
      if (!time.ok()) return WrongValue(column, step, value, "a date");
      values.push_back(*time);
    }
    return Compare(column.times, step, values, kNoTime);
  }

  absl::StatusOr<Bitmap> Attributes(const FactColumn& column, const FilterStep& step) const {
    FilterStep texts{.kind = step.kind, .name = step.name, .position = step.position, .values = {}};
    FilterStep numbers = texts;
    for (const FilterStep::Value& value : step.values) {
      if (value.is_number && column.numbers.empty()) return WrongValue(column, step, value, "a text in quotes");
      (value.is_number ? numbers : texts).values.push_back(value);
    }
    if (numbers.values.empty()) return Texts(column, texts);
    WAYPOST_ASSIGN_OR_RETURN(Bitmap found, Numbers(column, numbers, /*single=*/false));
    if (texts.values.empty()) return found;
    WAYPOST_ASSIGN_OR_RETURN(const Bitmap others, Texts(column, texts));
    found.UniteWith(others);
    return found;
  }

  const ItemFacts& facts_;
  std::size_t items_;
};

}  // namespace

absl::StatusOr<Bitmap> Filter::Compile(const ItemFacts& facts) const try {
  return Compiler(facts).Run(steps_);
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("Filter: out of memory");
}

std::string TypeFilter(std::string_view type) {
  std::string text = "type == \"";
  for (const char c : type) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

}  // namespace waypost
