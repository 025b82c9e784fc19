#include "store/chunk.hpp"

#include <bit>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include "waypost/base/checksum.hpp"
#include "waypost/base/random.hpp"

namespace waypost::store {
namespace {

constexpr std::uint64_t kFirstRow = 7;

Rows RowsOf(std::size_t size) {
  Rows rows;
  rows.Resize(size);
  for (std::size_t n = 0; n < size; ++n) {
    rows.rows[n] = kFirstRow + n;
    rows.users[n] = static_cast<std::uint32_t>(n % 5);
    rows.items[n] = static_cast<std::uint32_t>(n % 3);
    rows.kinds[n] = kView;
    rows.values[n] = std::numeric_limits<float>::quiet_NaN();
    rows.times_us[n] = kNoTime;
  }
  return rows;
}

// In memory of its own, which ends where the chunk ends.
struct Written {
  std::unique_ptr<std::byte[]> memory;
  std::size_t size = 0;
  Bytes bytes() const { return {memory.get(), size}; }
};

Written Write(const Rows& rows) {
  const ChunkWriter writer(rows.View(0, rows.size(), kFirstRow));
  Written written{std::make_unique<std::byte[]>(writer.bytes()), writer.bytes()};
  writer.Write({written.memory.get(), written.size});
  return written;
}

bool SameBits(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

// The chunk gives the rows: cell by cell, from any row to any other, and by user.
void ExpectGives(Bytes bytes, const Rows& rows, Random& random) {
  const absl::StatusOr<ChunkView> chunk = ChunkView::Open(kFirstRow, bytes);
  ASSERT_TRUE(chunk.ok()) << chunk.status();
  ASSERT_TRUE(chunk->Verify().ok());
  ASSERT_EQ(chunk->size(), rows.size());
  for (std::size_t n = 0; n < rows.size(); ++n) {
    ASSERT_EQ(chunk->user(n), rows.users[n]);
    ASSERT_EQ(chunk->item(n), rows.items[n]);
    ASSERT_EQ(chunk->kind(n), rows.kinds[n]);
    ASSERT_TRUE(SameBits(chunk->value(n), rows.values[n]));
    ASSERT_EQ(chunk->time_us(n), rows.times_us[n]);
  }
  for (int part = 0; part < 4; ++part) {
    const std::size_t from = part == 0 ? 0 : random.Below(rows.size());
    const std::size_t to = part == 0 ? rows.size() : from + random.Below(rows.size() - from + 1);
    Rows decoded;
    decoded.Resize(to - from);
    chunk->Decode(from, to, RowsTarget::Of(decoded, 0));
    for (std::size_t n = from; n < to; ++n) {
      ASSERT_EQ(decoded.rows[n - from], rows.rows[n]);
      ASSERT_EQ(decoded.users[n - from], rows.users[n]);
      ASSERT_EQ(decoded.items[n - from], rows.items[n]);
      ASSERT_EQ(decoded.kinds[n - from], rows.kinds[n]);
      ASSERT_TRUE(SameBits(decoded.values[n - from], rows.values[n]));
      ASSERT_EQ(decoded.times_us[n - from], rows.times_us[n]);
    }
  }
  for (const std::uint32_t user : {rows.users[random.Below(rows.size())], rows.users[0] ^ 0x10000u, 4'000'000'000u}) {
    std::vector<StoredEvent> history;
    chunk->History(user, history);
    std::size_t at = 0;
    for (std::size_t n = 0; n < rows.size(); ++n) {
      if (rows.users[n] != user) continue;
      ASSERT_LT(at, history.size());
      ASSERT_EQ(history[at].item.value, rows.items[n]);
      ASSERT_EQ(history[at++].time_us, rows.times_us[n]);
    }
    ASSERT_EQ(at, history.size());
  }
}

TEST(Chunk, GivesWhatWasWrittenInColumnsOfAnyWidth) {
  Random random(1);
  for (int world = 0; world < 300; ++world) {
    SCOPED_TRACE(world);
    Rows rows = RowsOf(1 + random.Below(world % 10 == 0 ? kMaxChunkRows : 300));
    const std::uint64_t ids[] = {3, 60'000, 70'000, 1u << 24, (1ull << 32) - 2};
    const std::uint64_t users = ids[random.Below(5)], items = ids[random.Below(5)];
    const std::uint64_t kinds[] = {1, 5, 256, 65'536}, values[] = {1, 5, 256, 400};
    const std::uint64_t kind_count = kinds[random.Below(4)], value_count = values[random.Below(4)];
    const std::uint64_t unit = std::uint64_t{1} << random.Below(4) * 10;  // also one that is not told
    const std::uint64_t span = std::uint64_t{1} << random.Below(40);
    const bool timed = random.Bernoulli(0.8), by_thousand = random.Bernoulli(0.5);
    for (std::size_t n = 0; n < rows.size(); ++n) {
      rows.users[n] = static_cast<std::uint32_t>(random.Below(users));
      rows.items[n] = static_cast<std::uint32_t>(random.Below(items));
      rows.kinds[n] = static_cast<std::uint16_t>(random.Below(kind_count));
      rows.values[n] = static_cast<float>(random.Below(value_count)) / 4 - 1;
      if (random.Bernoulli(0.1)) rows.values[n] = std::numeric_limits<float>::quiet_NaN();
      if (!timed || random.Bernoulli(0.1)) continue;
      rows.times_us[n] =
          static_cast<std::int64_t>(random.Below(span) * (by_thousand ? (unit > 1000 ? 1'000'000 : 1000) : unit)) -
          5000;
    }
    ExpectGives(Write(rows).bytes(), rows, random);
  }
}

TEST(Chunk, KeepsTheEndsOfEveryRange) {
  Random random(2);
  Rows rows = RowsOf(6);
  rows.users = {0, 0xFFFFFFFEu, 0xFFFF, 0x10000, 0xFFFFFF, 0x1000000};
  rows.items = {0xFFFFFFFEu, 0, 1, 2, 3, 4};
  rows.kinds = {0, 65'535, 255, 256, 1, 2};
  rows.values = {0.0f,
                 -0.0f,
                 std::numeric_limits<float>::max(),
                 std::numeric_limits<float>::denorm_min(),
                 std::bit_cast<float>(0x7FC00001u),
                 std::bit_cast<float>(0xFFC00000u)};
  constexpr auto kLast = std::numeric_limits<std::int64_t>::max();
  rows.times_us = {kNoTime, kNoTime + 1, kLast, 0, -1, kLast - 1};
  ExpectGives(Write(rows).bytes(), rows, random);
  rows.times_us = {kLast, kLast, kLast, kNoTime, kLast, kLast};
  ExpectGives(Write(rows).bytes(), rows, random);
}

TEST(Chunk, TakesTwoBytesLessForEachWidthThatIsNotNeeded) {
  Rows rows = RowsOf(1000);
  constexpr std::size_t kHeader = 56;
  EXPECT_EQ(Write(rows).size, kHeader + 4 * rows.size()) << "users and items";
  rows.users[3] = 1 << 16;
  EXPECT_EQ(Write(rows).size, kHeader + 5 * rows.size());
  for (std::size_t n = 0; n < rows.size(); ++n) rows.times_us[n] = 1'700'000'000'000'000 + 2000 * std::int64_t(n);
  EXPECT_EQ(Write(rows).size, kHeader + 7 * rows.size()) << "milliseconds";
  for (std::size_t n = 0; n < rows.size(); ++n) rows.values[n] = static_cast<float>(n % 5);
  EXPECT_EQ(Write(rows).size, kHeader + 5 * sizeof(float) + 8 * rows.size());
}

// What format 1.0 has: the columns as they are, side by side, times first.
Written WritePlain(const Rows& rows) {
  struct {
    std::uint64_t first_row = kFirstRow;
    std::uint32_t count = 0, columns = 7;
    std::int64_t time = kNoTime;
    float value = 0;
    std::uint16_t kind = 0, zero = 0;
  } header;
  header.count = static_cast<std::uint32_t>(rows.size());
  const std::size_t size = 8 + sizeof(header) + 22 * rows.size();
  Written written{std::make_unique<std::byte[]>(size), size};
  std::byte* at = written.memory.get() + 8;
  const auto put = [&](const void* from, std::size_t bytes) {
    std::memcpy(at, from, bytes);
    at += bytes;
  };
  put(&header, sizeof(header));
  put(rows.times_us.data(), 8 * rows.size());
  put(rows.users.data(), 4 * rows.size());
  put(rows.items.data(), 4 * rows.size());
  put(rows.values.data(), 4 * rows.size());
  put(rows.kinds.data(), 2 * rows.size());
  const std::uint64_t sum = Checksum(written.bytes().subspan(8), static_cast<std::uint64_t>(Table::kChunks));
  std::memcpy(written.memory.get(), &sum, 8);
  return written;
}

TEST(Chunk, OfFormat10IsReadAsItWas) {
  Random random(3);
  for (const std::size_t size : {1u, 2u, 700u}) {
    Rows rows = RowsOf(size);
    for (std::size_t n = 0; n < size; ++n) {
      rows.users[n] = static_cast<std::uint32_t>(random.Below(100'000));
      rows.kinds[n] = static_cast<std::uint16_t>(random.Below(7));
      rows.values[n] = static_cast<float>(random.Uniform());
      if (n % 3 != 0) rows.times_us[n] = static_cast<std::int64_t>(random.Bits());
    }
    ExpectGives(WritePlain(rows).bytes(), rows, random);
  }
}

TEST(Chunk, WithAnyByteOfItsHeaderChangedIsRefusedOrReadWithinItsBounds) {
  Rows rows = RowsOf(50);
  for (std::size_t n = 0; n < rows.size(); ++n) {
    rows.values[n] = static_cast<float>(n % 4);
    rows.times_us[n] = 1000 * static_cast<std::int64_t>(n * n);
    rows.kinds[n] = n % 2;
  }
  for (const bool plain : {false, true}) {
    const Written written = plain ? WritePlain(rows) : Write(rows);
    for (std::size_t place = 8; place < 72; ++place)
      for (const int change : {1, 2, 4, 8, 16, 64, 128, 255}) {
        Written damaged{std::make_unique<std::byte[]>(written.size), written.size};
        std::memcpy(damaged.memory.get(), written.memory.get(), written.size);
        damaged.memory[place] ^= static_cast<std::byte>(change);
        const absl::StatusOr<ChunkView> chunk = ChunkView::Open(kFirstRow, damaged.bytes());
        if (!chunk.ok()) {
          EXPECT_EQ(chunk.status().code(), absl::StatusCode::kDataLoss);
          continue;
        }
        EXPECT_EQ(chunk->Verify().code(), absl::StatusCode::kDataLoss);
        std::vector<StoredEvent> history;  // read before it is verified: no byte outside
        chunk->History(1, history);
        Rows decoded;
        decoded.Resize(chunk->size());
        chunk->Decode(0, chunk->size(), RowsTarget::Of(decoded, 0));
      }
    for (std::size_t size = 0; size < written.size; size += size < 80 ? 1 : 37) {
      Written cut{std::make_unique<std::byte[]>(size), size};
      std::memcpy(cut.memory.get(), written.memory.get(), size);
      EXPECT_EQ(ChunkView::Open(kFirstRow, cut.bytes()).status().code(), absl::StatusCode::kDataLoss) << size;
    }
  }
}

}  // namespace
}  // namespace waypost::store
