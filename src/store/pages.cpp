#include "store/pages.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace waypost::store {
namespace {

constexpr std::uint64_t kNoPage = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kPageHeaderBytes = 16;
constexpr std::size_t kNodeHeaderBytes = 8;
constexpr std::size_t kTableBytes = 48;
constexpr std::uint32_t kMetaMagic = 0xBEEFC0DE;
constexpr std::uint32_t kMetaVersion = 1;

enum PageFlags : std::uint16_t { kBranch = 1, kLeaf = 2, kOverflow = 4, kMeta = 8 };
enum NodeFlags : std::uint16_t { kBigData = 1, kSubData = 2 };

struct TableRecord {
  std::uint32_t pad = 0;
  std::uint16_t flags = 0;
  std::uint16_t depth = 0;
  std::uint64_t branch_pages = 0;
  std::uint64_t leaf_pages = 0;
  std::uint64_t overflow_pages = 0;
  std::uint64_t entries = 0;
  std::uint64_t root = kNoPage;
};
static_assert(sizeof(TableRecord) == kTableBytes);

struct MetaRecord {
  std::uint32_t magic = 0;
  std::uint32_t version = 0;
  std::uint64_t address = 0;
  std::uint64_t map_bytes = 0;
  TableRecord free_table;
  TableRecord main_table;
  std::uint64_t last_page = 0;
  std::uint64_t transaction = 0;
};
static_assert(sizeof(MetaRecord) == 136);

struct PageHeader {
  std::uint64_t number = 0;
  std::uint16_t pad = 0;
  std::uint16_t flags = 0;
  std::uint16_t lower = 0;
  std::uint16_t upper = 0;
};
static_assert(sizeof(PageHeader) == kPageHeaderBytes);

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class Walk {
 public:
  Walk(Bytes file, std::uint64_t transaction) : file_(file), transaction_(transaction) {}

  std::vector<std::string> Run();

 private:
  template <typename... Parts>
  void Problem(const Parts&... parts) {
    if (problems_.size() < kMostProblems) problems_.push_back(absl::StrCat(parts...));
  }
  bool full() const { return problems_.size() >= kMostProblems; }

  std::optional<MetaRecord> FindMeta();
  void CheckTable(const TableRecord& table);
  void CheckTree(std::uint64_t page, std::size_t height, TableRecord& counted);
  void CheckLeafNode(const std::byte* page, std::uint64_t number, std::size_t at, std::size_t size,
                     TableRecord& counted);
  // Whether pages [first, first + count) are in the file and not yet seen.
  bool Take(std::uint64_t first, std::uint64_t count, std::uint64_t parent);

  Bytes file_;
  std::uint64_t transaction_;
  std::size_t page_bytes_ = 4096;
  std::uint64_t pages_ = 0;
  std::vector<bool> seen_;
  std::vector<std::string> problems_;
};

std::optional<MetaRecord> Walk::FindMeta() {
  for (std::uint64_t number = 0; number < 2; ++number) {
    // The second stands behind the first, whose page size is not known before it is read.
    for (std::size_t page_bytes = 512; page_bytes <= 65536; page_bytes *= 2) {
      const std::size_t at = number * page_bytes;
      if (at + kPageHeaderBytes + sizeof(MetaRecord) > file_.size()) break;
      const auto header = LoadAt<PageHeader>(file_.data() + at);
      const auto meta = LoadAt<MetaRecord>(file_.data() + at + kPageHeaderBytes);
      if (meta.magic != kMetaMagic || meta.version != kMetaVersion || meta.free_table.pad != page_bytes) continue;
      if (meta.transaction != transaction_) continue;
      page_bytes_ = page_bytes;
      if (header.number != number || header.flags != kMeta || (transaction_ & 1) != number)
        Problem("page ", number, ": want the header of page ", transaction_ & 1, " of kind ", +kMeta, ", got ",
                header.number, " of kind ", header.flags);
      return meta;
    }
  }
  Problem("meta page: want one of transaction ", transaction_, ", got none");
  return std::nullopt;
}

bool Walk::Take(std::uint64_t first, std::uint64_t count, std::uint64_t parent) {
  if (first < 2 || first >= pages_ || count > pages_ - first) {
    Problem("page ", parent, ": want pages of 2..", pages_ - 1, ", got ", first, " and ", count, " in all");
    return false;
  }
  for (std::uint64_t page = first; page < first + count; ++page) {
    if (seen_[page]) {
      Problem("page ", parent, ": want pages that nothing else uses, got ", page);
      return false;
    }
    seen_[page] = true;
  }
  return true;
}

void Walk::CheckLeafNode(const std::byte* page, std::uint64_t number, std::size_t at, std::size_t size,
                         TableRecord& counted) {
  const std::byte* const node = page + at;
  const auto low = LoadAt<std::uint16_t>(node);
  const auto high = LoadAt<std::uint16_t>(node + 2);
  const auto flags = LoadAt<std::uint16_t>(node + 4);
  const auto key_bytes = LoadAt<std::uint16_t>(node + 6);
  const std::uint64_t data_bytes = low | (std::uint64_t{high} << 16);
  const std::byte* const data = node + kNodeHeaderBytes + key_bytes;
  ++counted.entries;
  if (flags == kBigData) {
    const auto first = LoadAt<std::uint64_t>(data);
    const std::uint64_t count = (kPageHeaderBytes + data_bytes + page_bytes_ - 1) / page_bytes_;
    if (!Take(first, count, number)) return;
    counted.overflow_pages += count;
    const auto header = LoadAt<PageHeader>(file_.data() + first * page_bytes_);
    const std::uint64_t said = header.lower | (std::uint64_t{header.upper} << 16);
    if (header.number != first || header.flags != kOverflow || said != count)
      Problem("page ", first, ": want a value of ", count, " pages, got page ", header.number, " of kind ",
              header.flags, " and ", said, " pages");
  } else if (flags == kSubData) {
    if (data_bytes != kTableBytes) {
      Problem("page ", number, ": want the record of a table, got ", data_bytes, " bytes");
      return;
    }
    CheckTable(LoadAt<TableRecord>(data));
  } else if (flags != 0) {
    Problem("page ", number, ": want a value of a known kind, got ", flags);
  }
  (void)size;
}

void Walk::CheckTree(std::uint64_t number, std::size_t height, TableRecord& counted) {
  if (full()) return;
  const std::byte* const page = file_.data() + number * page_bytes_;
  const auto header = LoadAt<PageHeader>(page);
  const std::uint16_t kind = height > 1 ? kBranch : kLeaf;
  if (header.number != number || header.flags != kind)
    return Problem("page ", number, ": want page ", number, " of kind ", kind, ", got ", header.number, " of kind ",
                   header.flags);
  if (header.lower < kPageHeaderBytes || header.lower % 2 != 0 || header.upper < header.lower ||
      header.upper > page_bytes_)
    return Problem("page ", number, ": want bounds in the page, got ", header.lower, " and ", header.upper);
  (kind == kBranch ? counted.branch_pages : counted.leaf_pages) += 1;
  const std::size_t nodes = (header.lower - kPageHeaderBytes) / 2;
  if (nodes == 0) return Problem("page ", number, ": want entries, got none");
  std::size_t used = 0;
  std::size_t least = page_bytes_;
  for (std::size_t n = 0; n < nodes && !full(); ++n) {
    const std::size_t at = LoadAt<std::uint16_t>(page + kPageHeaderBytes + 2 * n);
    if (at < header.upper || at + kNodeHeaderBytes > page_bytes_)
      return Problem("page ", number, ": want entry ", n, " in the page, got it at ", at);
    const auto low = LoadAt<std::uint16_t>(page + at);
    const auto high = LoadAt<std::uint16_t>(page + at + 2);
    const auto flags = LoadAt<std::uint16_t>(page + at + 4);
    std::size_t size = kNodeHeaderBytes + LoadAt<std::uint16_t>(page + at + 6);
    if (kind == kLeaf) size += (flags & kBigData) != 0 ? 8 : low | (std::size_t{high} << 16);
    size += size % 2;
    if (size > page_bytes_ - at)
      return Problem("page ", number, ": want entry ", n, " in the page, got ", size, " bytes");
    used += size;
    least = std::min(least, at);
    if (kind == kLeaf) {
      CheckLeafNode(page, number, at, size, counted);
    } else {
      const std::uint64_t child = low | (std::uint64_t{high} << 16) | (std::uint64_t{flags} << 32);
      if (Take(child, 1, number)) CheckTree(child, height - 1, counted);
    }
  }
  // Entries lie one behind the other from `upper` to the end.
  if (least != header.upper || used != page_bytes_ - header.upper)
    Problem("page ", number, ": want entries of ", page_bytes_ - header.upper, " bytes, got ", used);
}

void Walk::CheckTable(const TableRecord& table) {
  TableRecord counted;
  if (table.root == kNoPage) {
    if (table.entries != 0) Problem("table: want ", table.entries, " entries, got none");
    return;
  }
  constexpr std::size_t kMostLevels = 32;
  if (table.depth < 1 || table.depth > kMostLevels)
    return Problem("table: want a depth of 1..", kMostLevels, ", got ", table.depth);
  if (Take(table.root, 1, table.root)) CheckTree(table.root, table.depth, counted);
  if (counted.branch_pages != table.branch_pages || counted.leaf_pages != table.leaf_pages ||
      counted.overflow_pages != table.overflow_pages || counted.entries != table.entries)
    Problem("table of root ", table.root, ": want ", table.branch_pages, " + ", table.leaf_pages, " + ",
            table.overflow_pages, " pages and ", table.entries, " entries, got ", counted.branch_pages, " + ",
            counted.leaf_pages, " + ", counted.overflow_pages, " and ", counted.entries);
}

std::vector<std::string> Walk::Run() {
  const std::optional<MetaRecord> meta = FindMeta();
  if (!meta) return problems_;
  pages_ = file_.size() / page_bytes_;
  if (meta->last_page >= pages_) Problem("file: want at least ", meta->last_page + 1, " pages, got ", pages_);
  pages_ = std::min(pages_, meta->last_page + 1);
  seen_.assign(pages_, false);
  CheckTable(meta->free_table);
  CheckTable(meta->main_table);
  return problems_;
}

}  // namespace

std::vector<std::string> CheckPages(Bytes file, std::uint64_t transaction) {
  return Walk(file, transaction).Run();
}

}  // namespace waypost::store
