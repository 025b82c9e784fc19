// Any text given as a filter ends in a set of items or in an error that names a place in it. What passes is evaluated
// again item by item over its steps; the catalogue has every type of column and missing values.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/rule_world.hpp"
#include "waypost/event/timestamp.hpp"
#include "waypost/rank/filter.hpp"

namespace {

using waypost::CatalogueItem;
using waypost::FilterStep;
using Kind = waypost::FilterStep::Kind;

constexpr std::size_t kItems = 70;

struct World {
  waypost::Catalogue catalogue = waypost::testing_support::RandomCatalogue(1, kItems);
  waypost::ItemFacts facts = waypost::ItemFacts::Build(catalogue, waypost::testing_support::Ids("i", kItems)).value();
};

void Check(bool law) {
  if (!law) std::abort();
}

template <typename Value>
bool Compares(Kind kind, Value row, Value value) {
  return kind == Kind::kIn          ? row == value
         : kind == Kind::kLess      ? row < value
         : kind == Kind::kLessEqual ? row <= value
         : kind == Kind::kGreater   ? row > value
                                    : row >= value;
}

std::vector<std::string> Texts(const CatalogueItem& item, const std::string& name) {
  if (name == "tags" || name == "tag") return item.tags;
  std::string text = name == "type"       ? item.type
                     : name == "category" ? item.category
                     : name == "level"    ? item.level
                     : name == "language" ? item.language
                     : name == "author"   ? item.author
                                          : "";
  for (const waypost::Attribute& attribute : item.attributes)
    if (attribute.name == name) text = attribute.value;
  return text.empty() ? std::vector<std::string>() : std::vector<std::string>{text};
}

bool Passes(const CatalogueItem& item, const FilterStep& step) {
  const std::optional<std::int64_t>* time = step.name == "published"         ? &item.published_us
                                            : step.name == "available_from"  ? &item.available_from_us
                                            : step.name == "available_until" ? &item.available_until_us
                                                                             : nullptr;
  if (time != nullptr && !time->has_value()) return false;
  const std::vector<std::string> texts = Texts(item, step.name);
  if (step.kind == Kind::kHas) return step.name == "price" ? item.price.has_value() : time != nullptr || !texts.empty();
  for (const FilterStep::Value& value : step.values) {
    if (step.name == "price" && item.price && Compares(step.kind, *item.price, static_cast<float>(value.number)))
      return true;
    if (time != nullptr && Compares(step.kind, **time, waypost::ParseTimestamp(value.text, std::nullopt).value()))
      return true;
    for (const std::string& text : texts) {
      double number = 0;
      if (value.is_number && waypost::internal::ReadNumber(text, number) && Compares(step.kind, number, value.number))
        return true;
      if (!value.is_number && text == value.text) return true;
    }
  }
  return false;
}

bool Passes(const CatalogueItem& item, const std::vector<FilterStep>& steps) {
  std::vector<bool> values;
  for (const FilterStep& step : steps) {
    if (step.kind == Kind::kNot) {
      values.back() = !values.back();
    } else if (step.kind == Kind::kAnd || step.kind == Kind::kOr) {
      const bool right = values.back();
      values.pop_back();
      values.back() = step.kind == Kind::kAnd ? values.back() && right : values.back() || right;
    } else {
      values.push_back(Passes(item, step));
    }
  }
  Check(values.size() == 1);
  return values.back();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const World world;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<waypost::Filter> filter = waypost::Filter::Parse(text);
  const auto check_error = [](const absl::Status& status) {
    Check(status.code() == absl::StatusCode::kInvalidArgument);
    Check(std::string(status.message()).compare(0, 8, "Filter: ") == 0 && status.message().size() < 1000);
  };
  if (!filter.ok()) {
    check_error(filter.status());
    return 0;
  }
  const absl::StatusOr<waypost::Bitmap> found = filter->Compile(world.facts);
  if (!found.ok()) {
    check_error(found.status());
    return 0;
  }
  for (std::size_t item = 0; item < kItems; ++item) {
    const auto position = world.catalogue.Find("i" + std::to_string(item));
    const CatalogueItem missing;
    Check(found->Test(item) == Passes(position ? world.catalogue.item(*position) : missing, filter->steps()));
  }
  return 0;
}
