// Changes model files by hand: fields, sections, and the checksums that hide the change. Knows the format from
// docs/model-format.md alone, not from the library.
#ifndef WAYPOST_TESTS_SUPPORT_BUNDLE_SURGERY_HPP_
#define WAYPOST_TESTS_SUPPORT_BUNDLE_SURGERY_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include <xxhash.h>

#include "waypost/base/random.hpp"
#include "waypost/file/model_bundle.hpp"

namespace waypost::testing_support {

class BundleSurgery {
 public:
  explicit BundleSurgery(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}

  std::vector<std::byte>& bytes() { return bytes_; }
  std::uint64_t Get64(std::size_t at) const { return Get<std::uint64_t>(at); }
  void Set16(std::size_t at, std::uint16_t value) { Set(at, value); }
  void Set32(std::size_t at, std::uint32_t value) { Set(at, value); }
  void Set64(std::size_t at, std::uint64_t value) { Set(at, value); }

  std::size_t section_count() const { return Get<std::uint32_t>(12); }
  std::size_t EntryAt(std::size_t section) const { return 64 + 32 * section; }

  // Writes right checksums wherever sections lie inside the file. For any content.
  void RepairChecksums() {
    if (bytes_.size() < 64) return;
    const std::size_t sections = std::min(section_count(), (bytes_.size() - 64) / 32);
    for (std::size_t n = 0; n < sections; ++n) {
      const std::uint64_t offset = Get64(EntryAt(n) + 8);
      const std::uint64_t size = Get64(EntryAt(n) + 16);
      if (offset > bytes_.size() || size > bytes_.size() - offset) continue;
      Set64(EntryAt(n) + 24, XXH3_64bits(bytes_.data() + offset, size));
    }
    Set64(56, XXH3_64bits_withSeed(bytes_.data() + 64, sections * 32, XXH3_64bits(bytes_.data(), 56)));
  }

  // Writes one to three bytes anywhere, and right checksums over them.
  void ChangeAtRandom(Random& random) {
    const std::size_t size = bytes_.size();
    for (std::uint64_t changes = 1 + random.Below(3); changes > 0; --changes)
      bytes_[random.Below(size)] = static_cast<std::byte>(random.Below(256));
    RepairChecksums();
  }

  void AddSection(std::uint32_t type, std::uint32_t model, const std::vector<std::byte>& content) {
    std::vector<Section> sections = Cut();
    sections.push_back({type, model, content});
    Join(sections);
  }
  void AppendToMetadata(const std::vector<std::byte>& content) {
    std::vector<Section> sections = Cut();
    sections.front().content.insert(sections.front().content.end(), content.begin(), content.end());
    Join(sections);
  }

 private:
  struct Section {
    std::uint32_t type;
    std::uint32_t model;
    std::vector<std::byte> content;
  };

  template <typename T>
  T Get(std::size_t at) const {
    T value;
    std::memcpy(&value, bytes_.data() + at, sizeof(T));
    return value;
  }
  template <typename T>
  void Set(std::size_t at, T value) {
    std::memcpy(bytes_.data() + at, &value, sizeof(T));
  }

  std::vector<Section> Cut() const {
    std::vector<Section> sections;
    for (std::size_t n = 0; n < section_count(); ++n) {
      const auto first = bytes_.begin() + static_cast<std::ptrdiff_t>(Get64(EntryAt(n) + 8));
      sections.push_back({Get<std::uint32_t>(EntryAt(n)), Get<std::uint32_t>(EntryAt(n) + 4),
                          std::vector<std::byte>(first, first + static_cast<std::ptrdiff_t>(Get64(EntryAt(n) + 16)))});
    }
    return sections;
  }
  void Join(const std::vector<Section>& sections) {
    const std::vector<std::byte> end(bytes_.end() - 8, bytes_.end());
    bytes_.resize(64);
    Set32(12, static_cast<std::uint32_t>(sections.size()));
    bytes_.resize((64 + 32 * sections.size() + 63) / 64 * 64);
    for (std::size_t n = 0; n < sections.size(); ++n) {
      const std::size_t offset = bytes_.size();
      bytes_.insert(bytes_.end(), sections[n].content.begin(), sections[n].content.end());
      bytes_.resize((bytes_.size() + 63) / 64 * 64);
      Set32(EntryAt(n), sections[n].type);
      Set32(EntryAt(n) + 4, sections[n].model);
      Set64(EntryAt(n) + 8, offset);
      Set64(EntryAt(n) + 16, sections[n].content.size());
    }
    bytes_.insert(bytes_.end(), end.begin(), end.end());
    Set64(32, bytes_.size());
  }

  std::vector<std::byte> bytes_;
};

// Calls `open` with the bytes as they are, and with right checksums.
template <typename Open>
void OpenAsIsAndRepaired(const std::uint8_t* data, std::size_t size, Open open) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  open(bytes);
  BundleSurgery surgery(std::vector<std::byte>(bytes.begin(), bytes.end()));
  surgery.RepairChecksums();
  open(std::span<const std::byte>(surgery.bytes()));
}

// Reads everything that an opened bundle offers, without any trust in its values.
inline void UseBundle(const ModelBundle& bundle) {
  std::size_t sum = 0;
  for (const IdDictionary* dictionary : {&bundle.users, &bundle.items}) {
    for (std::uint32_t n = 0; n < dictionary->size(); ++n) {
      const std::string_view id = dictionary->id(n);
      for (const char c : id) sum += static_cast<unsigned char>(c);
      sum += dictionary->Find(id).value_or(0);
    }
    sum += dictionary->Find("").value_or(0) + dictionary->Find("u1").value_or(0);
  }
  for (std::uint32_t n = 0; n < bundle.items.size(); ++n)
    for (const char c : bundle.titles.title(ItemIndex{n})) sum += static_cast<unsigned char>(c);
  for (std::size_t row = 0; row < bundle.history.rows(); ++row) {
    const SparseRowView entries = bundle.history.row(row);
    for (std::size_t n = 0; n < entries.size(); ++n) sum += entries.columns[n] + (entries.value(n) > 0 ? 1 : 0);
  }
  for (const NamedModel& model : bundle.models) {
    const std::size_t items = model.scorer->item_count();
    std::vector<float> scores(items);
    for (std::uint32_t n = 0; n < std::min<std::size_t>(bundle.history.rows(), 50); ++n) {
      const UserView user{.user = UserIndex{n}, .history = bundle.history.row(n)};
      (void)model.scorer->Score(std::span(&user, 1), scores, Parallelism(1));  // may refuse the row
      const UserView stranger{.user = {}, .history = user.history};
      (void)model.scorer->Score(std::span(&stranger, 1), scores, Parallelism(1));
      const Candidates every;
      (void)model.scorer->TopK(std::span(&user, 1), std::span(&every, 1), 5, Parallelism(1));
      (void)model.scorer->TopK(std::span(&stranger, 1), std::span(&every, 1), 5, Parallelism(1));
      if (items == 0) continue;
      (void)model.scorer->Explain(user, ItemIndex{n % static_cast<std::uint32_t>(items)});
      (void)model.scorer->Similar(ItemIndex{n % static_cast<std::uint32_t>(items)}, every, 5);
    }
    for (float score : scores) sum += score > 0 ? 1 : 0;
  }
  // A sum that nobody reads would be optimised away together with the reads.
  [[maybe_unused]] static volatile std::size_t sink;
  sink = sum;
}

}  // namespace waypost::testing_support

#endif  // WAYPOST_TESTS_SUPPORT_BUNDLE_SURGERY_HPP_
