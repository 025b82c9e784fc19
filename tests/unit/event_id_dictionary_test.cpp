#include "waypost/event/id_dictionary.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "waypost/base/random.hpp"

namespace waypost {
namespace {

TEST(IdDictionary, NumbersIdsByFirstAppearance) {
  IdDictionaryBuilder builder;
  EXPECT_EQ(*builder.Add("b"), 0u);
  EXPECT_EQ(*builder.Add("a"), 1u);
  EXPECT_EQ(*builder.Add("b"), 0u);
  EXPECT_EQ(builder.Find("a"), 1u);
  EXPECT_EQ(builder.Find("c"), std::nullopt);
  const IdDictionary ids = std::move(builder).Build();
  ASSERT_EQ(ids.size(), 2u);
  EXPECT_EQ(ids.id(0), "b");
  EXPECT_EQ(ids.id(1), "a");
}

TEST(IdDictionary, AgreesWithAMapOnRandomIds) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    IdDictionaryBuilder builder;
    std::map<std::string, std::uint32_t> expected;
    for (int n = 0; n < 3000; ++n) {
      std::string id(1 + random.Below(3), ' ');
      for (char& c : id) c = static_cast<char>(random.Below(12));  // zero bytes as well
      const auto place = expected.try_emplace(id, static_cast<std::uint32_t>(expected.size())).first;
      ASSERT_EQ(*builder.Add(id), place->second);
    }
    const IdDictionary ids = std::move(builder).Build();
    ASSERT_EQ(ids.size(), expected.size());
    for (const auto& [id, index] : expected) {
      EXPECT_EQ(ids.Find(id), index);
      EXPECT_EQ(ids.id(index), id);
    }
    EXPECT_EQ(ids.Find("unknown"), std::nullopt);
    EXPECT_EQ(ids.Find(""), std::nullopt);
  }
}

TEST(IdDictionary, TakesIdsOf1To256Bytes) {
  IdDictionaryBuilder builder;
  EXPECT_TRUE(builder.Add(std::string(256, 'x')).ok());
  EXPECT_EQ(builder.Add(std::string(257, 'x')).status(), absl::InvalidArgumentError("id: want 1..256 bytes, got 257"));
  EXPECT_FALSE(builder.Add("").ok());
  EXPECT_EQ(std::move(builder).Build().size(), 1u);
}

TEST(IdDictionary, KeepsItsTableHalfEmptyAndAPowerOfTwo) {
  IdDictionaryBuilder builder;
  for (int n = 0; n < 1000; ++n) ASSERT_TRUE(builder.Add(std::to_string(n)).ok());
  const IdDictionary ids = std::move(builder).Build();
  EXPECT_TRUE(std::has_single_bit(ids.slots().size()));
  EXPECT_GE(ids.slots().size(), 2 * ids.size());
  EXPECT_EQ(std::count(ids.slots().begin(), ids.slots().end(), kEmptySlot),
            static_cast<std::ptrdiff_t>(ids.slots().size() - ids.size()));
}

TEST(IdDictionary, DependsOnTheIdsAloneAndNotOnHowTheyCame) {
  IdDictionaryBuilder once;
  IdDictionaryBuilder repeated;
  for (int n = 0; n < 500; ++n) {
    ASSERT_TRUE(once.Add(std::to_string(n)).ok());
    for (int old = 0; old <= n; old += 7) ASSERT_TRUE(repeated.Add(std::to_string(old)).ok());
    ASSERT_TRUE(repeated.Add(std::to_string(n)).ok());
  }
  const IdDictionary a = std::move(once).Build();
  const IdDictionary b = std::move(repeated).Build();
  EXPECT_TRUE(std::equal(a.slots().begin(), a.slots().end(), b.slots().begin(), b.slots().end()));
  EXPECT_TRUE(std::equal(a.bytes().begin(), a.bytes().end(), b.bytes().begin(), b.bytes().end()));
}

TEST(IdDictionary, FindsNothingInADamagedTableAndEnds) {
  for (const std::uint32_t slot : {0u, 1u, 77u}) {  // full of one index, known or not
    const IdDictionary ids(SharedArray<char>({'a'}), SharedArray<std::uint64_t>({0, 1}),
                           SharedArray<std::uint32_t>(AlignedVector<std::uint32_t>(8, slot)));
    EXPECT_EQ(ids.Find("b"), std::nullopt);
  }
}

TEST(IdDictionary, IsUsableWhenEmpty) {
  const IdDictionary ids = IdDictionaryBuilder().Build();
  EXPECT_EQ(ids.size(), 0u);
  EXPECT_EQ(ids.Find("a"), std::nullopt);
  EXPECT_EQ(IdDictionary().Find("a"), std::nullopt);
}

}  // namespace
}  // namespace waypost
