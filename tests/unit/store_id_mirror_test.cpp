#include "store/id_mirror.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost::store {
namespace {

TEST(IdMirror, FindsWhatAMapFindsForIdsOfAnyLength) {
  Random random(1);
  // Few letters: many ids are the beginning of others, or differ in their last byte alone. A zero byte is UTF-8 as
  // well.
  const auto any_text = [&] {
    std::string text(1 + random.Below(random.Bernoulli(0.1) ? kMaxIdBytes : 12), 'a');
    for (char& letter : text)
      if (random.Bernoulli(0.4)) letter = "ab\0"[random.Below(3)];
    return text;
  };
  IdDictionaryBuilder ids;
  std::map<std::string, std::uint32_t> expected;
  for (const char* const text : {"\xE5\xAD\xA6", "\xE5\xAD\xA6\xE4\xB9\xA0", "\xE5\xAD\xA6\xE4\xB9\xA0\xE8\xAF\xBE"})
    expected[text] = ids.Add(text).value();
  for (int n = 0; n < 3000; ++n) {
    const std::string text = any_text();
    expected[text] = ids.Add(text).value();
  }
  IdMirror mirror(Table::kUsers);
  mirror.Add(0, ids);

  std::vector<std::string> texts;
  for (const auto& [text, index] : expected) texts.push_back(text);
  for (int n = 0; n < 3000; ++n) texts.push_back(any_text());
  const std::size_t count = texts.size();
  for (std::size_t n = 0; n < count; ++n)  // what a caller may give, and no id is
    texts.push_back(n % 2 == 0 ? texts[n] + '\xFF' : '\xFF' + texts[n]);
  for (std::size_t size = 0; size < 12; ++size) texts.push_back(std::string(size, '\xFF'));
  for (std::size_t n = texts.size(); n > 1; --n) std::swap(texts[n - 1], texts[random.Below(n)]);
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  std::vector<std::uint32_t> indices(views.size(), 7);
  mirror.Find(views, indices.data());
  for (std::size_t n = 0; n < texts.size(); ++n) {
    const auto at = expected.find(texts[n]);
    ASSERT_EQ(indices[n], at == expected.end() ? kEmptySlot : at->second) << texts[n];
    ASSERT_EQ(mirror.Find(views[n]), indices[n]);
  }
}

TEST(IdMirror, ThatIsEmptyFindsNothing) {
  const IdMirror mirror(Table::kItems);
  const std::vector<std::string_view> ids = {"a", "", "an id of more than eight bytes"};
  std::vector<std::uint32_t> indices(ids.size(), 0);
  mirror.Find(ids, indices.data());
  EXPECT_EQ(indices, std::vector<std::uint32_t>(ids.size(), kEmptySlot));
  mirror.Find(std::span(ids).first(0), nullptr);
}

}  // namespace
}  // namespace waypost::store
