// waypost/base/top_k_index.hpp - the exact k best rows of a factor table for one or many query vectors.
//
// Definition   Row r of query q scores GetScoreKernels().dot(q, r). The answer is the k best candidates in the order of
//              top_k.hpp: what scoring every row and sorting would give, to the bit.
// Method       Rows are visited in groups of 64 by falling norm. An int8 scan with certified bounds (top_k_kernels.hpp)
//              finds the rows of a group that could enter the answer: their upper bound reaches the k-th best of all
//              lower bounds (top_k_shortlist.hpp). The visit ends where the norm bounds every later score below it.
//              Only then, after each 128 groups, or when there are more than 1024 are the rows scored that still
//              could. Rows that may equal the k-th best are always scored, so that ties are broken by index. [1] R.
//              Teflioudi, R. Gemulla, "Exact and approximate maximum inner product search with LEMP", ACM TODS 42(1),
//              2016: norm order and the Cauchy-Schwarz stop.
// Otherwise    Every row is scored, in blocks: for tables of up to 256 rows, k above 1/16 of the rows, more than
//              4096 elements a row, and a query for which, asked every 8192 rows, more than 3 k and a quarter of the
//              rows so far had to be scored. Both shares are compiled in, so the choice depends on the data alone.
//              An include list far smaller than the table is scored alone. None of this changes the answer.
// Complexity   time between O(k d) and queries x rows x stride; many queries share each block of groups while it is in
//              the cache. Memory: the answer and, with many queries, 21 KiB and one byte a dimension for each under
//              way.
// Determinism  A query is answered by one thread; its result depends on nothing else.
// Checked by   tests/unit/base_top_k_index_test.cpp and tests/property/base_top_k_test.cpp against brute force, to the
//              bit.
#ifndef WAYPOST_BASE_TOP_K_INDEX_HPP_
#define WAYPOST_BASE_TOP_K_INDEX_HPP_

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/parallel.hpp"
#include "waypost/base/score_kernels.hpp"
#include "waypost/base/status.hpp"
#include "waypost/base/top_k.hpp"
#include "waypost/base/top_k_kernels.hpp"
#include "waypost/base/top_k_shortlist.hpp"
#include "waypost/base/top_k_tables.hpp"

namespace waypost {

// How an answer was certified: rows * not * scored cannot belong to it.
struct TopKCertificate {
  std::uint64_t scored = 0;  // rows scored in float32
  std::uint64_t groups = 0;  // groups of 64 rows that were looked at
  bool pruned = false;       // false: every candidate was scored
};

// Immutable: safe to use from any number of threads.
class TopKIndex {
 public:
  TopKIndex() : TopKIndex(FactorMatrix()) {}

  // The tables are built when they are first needed, once.
  explicit TopKIndex(FactorMatrix rows) : rows_(std::move(rows)), lazy_(std::make_shared<Lazy>()) {}

  // Requires  tables of the sizes that BuildTopKTables gives; the head may be empty.
  TopKIndex(FactorMatrix rows, TopKTables tables) : TopKIndex(std::move(rows)) {
    lazy_->tables = std::move(tables);
    std::call_once(lazy_->once, [] {});
  }

  const FactorMatrix& rows() const { return rows_; }
  // Cost  that of BuildTopKTables, the first time.
  const TopKTables& tables(const Parallelism& parallelism = Parallelism(1)) const {
    std::call_once(lazy_->once, [&] {
      // Isolated: a thread that helped with another search meanwhile could wait for itself.
      oneapi::tbb::this_task_arena::isolate([&] { lazy_->tables = BuildTopKTables(rows_, parallelism); });
    });
    return lazy_->tables;
  }

  // Returns, for each query, the min(k, candidates) best rows, best first.
  //
  //   queries     float32[query count x stride()], 64-byte aligned, padding 0, finite.
  //   candidates  one for each query.
  // Errors      kDataLoss: a candidate's score that is not finite has no place in an order; tables of a damaged file.
  // Lifetime    arguments are borrowed for the call.
  absl::StatusOr<std::vector<std::vector<ScoredItem>>> Search(std::span<const float> queries,
                                                              std::span<const Candidates> candidates, std::size_t k,
                                                              const Parallelism& parallelism) const;

  // One query into the caller's memory: writes min(best.size(), candidates) rows, best first, and returns how many.
  //
  //   query        float32[stride()], 64-byte aligned, padding 0, finite.
  //   certificate  filled where it is given.
  // Cost           allocates nothing, once the tables exist.
  absl::StatusOr<std::size_t> SearchInto(const float* query, const Candidates& candidates, std::span<ScoredItem> best,
                                         TopKCertificate* certificate = nullptr) const;

  // The same by the cosine to a row of the table: dot(row, r) / RowNorm(row) / RowNorm(r), cut to 1; only rows whose
  // cosine is above 0, and never the row itself.
  absl::StatusOr<std::size_t> SimilarInto(std::size_t row, const Candidates& candidates, std::span<ScoredItem> best,
                                          TopKCertificate* certificate = nullptr) const;

 private:
  struct Lazy {
    std::once_flag once;
    TopKTables tables;
  };

  enum class Fault : std::uint8_t { kNone, kScore, kOrder };

  static constexpr std::size_t kNoRow = static_cast<std::size_t>(-1);
  static constexpr std::size_t kQueryBlock = 16;        // queries that share the groups in the cache
  static constexpr std::size_t kBlockBytes = 1u << 18;  // of panels: a quarter of a usual L2 cache
  static constexpr std::size_t kFirstGroups = 8;        // blocks grow from here: most queries end early
  static constexpr std::size_t kTogether = 16;     // rows that are scored while the next are on the way from memory
  static constexpr std::size_t kRowBlock = 256;    // rows scored at a time where every row is
  static constexpr std::size_t kSmallTable = 256;  // rows
  static constexpr std::size_t kWindow = 128;      // groups after which is asked again whether pruning pays
  // Finding and scoring a row costs as much as scoring four that lie side by side. It pays where at most a quarter of
  // the rows is found, beside what the first rows cost before k of them are known. k rows grow by k log(rows / k) more
  // where nothing is known of their order: a quarter at k = rows / 16.
  static constexpr std::size_t kScoredShare = 4;
  static constexpr std::size_t kLargestShare = 16;
  static constexpr std::size_t kDirectShare = 32;  // an include list of at most 1/32 of the rows is scored alone

  // What a query under way remembers. Nothing is set at first.
  struct Room {
    TopKShortlist shortlist;
    std::uint64_t excluded[64];  // bit i mod 4096 is set for each excluded item i: few others need a search
    TopKHit hit;
  };

  // A query under way.
  struct Task {
    const float* query = nullptr;
    Candidates candidates;
    TopKHeapView best;
    Room* room = nullptr;
    const std::int8_t* words = nullptr;
    TopKQuery prepared{};
    float cosine_norm = 0;      // > 0: ranked by cosine, this is the query's norm
    std::size_t self = kNoRow;  // the row that others are compared to
    std::size_t scored = 0;
    std::size_t groups = 0;
    std::size_t window_end = kWindow;  // groups at which is asked again whether pruning pays
    bool done = false;
    bool whole = false;   // pruning does not pay
    bool checked = true;  // of the tables
    Fault fault = Fault::kNone;

    bool cosine() const { return cosine_norm > 0; }
    void NoteExcluded() {
      if (candidates.excluded.empty()) return;
      std::fill(std::begin(room->excluded), std::end(room->excluded), std::uint64_t{0});
      for (std::uint32_t item : candidates.excluded) room->excluded[item / 64 % 64] |= std::uint64_t{1} << item % 64;
    }
    bool Excluded(std::uint32_t item) const {
      if (item == self) return true;
      if (candidates.excluded.empty() || (room->excluded[item / 64 % 64] >> item % 64 & 1) == 0) return false;
      return std::binary_search(candidates.excluded.begin(), candidates.excluded.end(), item);
    }
    bool Allowed(std::uint32_t item) const {
      return (candidates.allowed == nullptr || candidates.allowed->Test(item)) && !Excluded(item);
    }
  };

  bool Prunes(std::size_t k) const {
    return rows_.rows() > kSmallTable && k <= rows_.rows() / kLargestShare && rows_.stride() <= kTopKMaxStride;
  }
  // Offers `items`, which are candidates, with their scores.
  //   norms  of the items, read for cosines alone.
  void Offer(Task& task, std::span<const std::uint32_t> items, std::span<const float> scores, const float* norms) const;
  // What a row must reach to enter the answer; for cosines as a product with the query, per unit of the row's norm.
  static double Threshold(const Task& task);
  // Puts the candidates among the rows of a hit on the shortlist.
  void Collect(Task& task, const TopKTables& tables) const;
  // Scores what is left of the shortlist.
  void ScoreShortlist(Task& task, const TopKTables& tables) const;
  // Goes on with the groups before `end`.
  void Scan(Task& task, const TopKTables& tables, std::size_t end) const;
  // Scores the candidates among the rows [begin, end).
  void ScoreBlock(Task& task, std::size_t begin, std::size_t end) const;
  // Scores the include list, where it is that small.
  bool ScoreDirectly(Task& task) const;
  // Requires  a room and space for the whole numbers of each task: tasks x min(stride, kTopKMaxStride) bytes.
  void Answer(std::span<Task> tasks, Room* rooms, std::int8_t* words) const;
  absl::StatusOr<std::size_t> Finish(Task& task, std::size_t query, TopKCertificate* certificate) const;
  static absl::Status FaultStatus(Fault fault, std::size_t query);

  FactorMatrix rows_;
  std::shared_ptr<Lazy> lazy_;
};

inline void TopKIndex::Offer(Task& task, std::span<const std::uint32_t> items, std::span<const float> scores,
                             const float* norms) const {
  for (std::size_t n = 0; n < items.size(); ++n) {
    float score = scores[n];
    if (!std::isfinite(score)) {
      task.fault = Fault::kScore;
      return;
    }
    if (task.cosine()) {
      const float cosine = score / task.cosine_norm / norms[n];
      if (!(cosine > 0)) continue;  // also a row without a direction
      score = std::min(1.0f, cosine);
    }
    const ItemIndex item{items[n]};
    task.best.Push(score, item);
  }
}

inline double TopKIndex::Threshold(const Task& task) {
  constexpr double kDown = 1 - 0x1p-20;  // more than the rounding of two divisions
  double threshold = task.room->shortlist.threshold();
  if (task.cosine()) threshold = std::max(threshold, 0.0);
  if (!task.best.full()) return threshold;
  const double worst = task.best.worst().score;
  return std::max(threshold, task.cosine() ? worst * task.cosine_norm * kDown : worst);
}

inline void TopKIndex::Collect(Task& task, const TopKTables& tables) const {
  constexpr double kDown = 1 - 0x1p-20;  // as in Threshold
  const TopKHit& hit = task.room->hit;
  TopKShortlist& shortlist = task.room->shortlist;
  const std::size_t first = hit.group * kTopKGroup;
  std::uint64_t rows = hit.rows;
  if (rows_.rows() - first < kTopKGroup) rows &= (std::uint64_t{1} << (rows_.rows() - first)) - 1;
  for (; rows != 0; rows &= rows - 1) {
    const auto slot = static_cast<std::size_t>(std::countr_zero(rows));
    const std::size_t position = first + slot;
    const std::uint32_t item = tables.order[position];
    if (item >= rows_.rows()) {
      task.fault = Fault::kOrder;
      return;
    }
    if (!task.Allowed(item)) continue;
    const double product = hit.unit * (hit.sums[slot] - task.prepared.offset);
    double lower = product - hit.error;
    double upper = product + hit.error;
    if (task.cosine()) {
      const double norm = tables.norms[position];
      lower = lower / norm * kDown;  // one that is below 0 is no evidence
      upper = upper / norm / kDown;
    }
    shortlist.Add(item, static_cast<std::uint32_t>(position), lower, upper);
  }
  shortlist.Raise();
}

inline void TopKIndex::ScoreShortlist(Task& task, const TopKTables& tables) const {
  TopKShortlist& shortlist = task.room->shortlist;
  shortlist.Keep(Threshold(task));
  const std::span<const TopKShortlist::Row> rows = shortlist.rows();
  const std::size_t stride = rows_.stride();
  const std::size_t head_rows = tables.head.size() / stride;
  const auto is_head = [&](std::size_t n) { return rows[n].position < head_rows; };
  // The end of the rows from n on that are scored together: they lie in the same place.
  const auto end_of = [&](std::size_t n) {
    std::size_t end = n;
    while (end < rows.size() && end < n + kTogether && is_head(end) == is_head(n)) ++end;
    return end;
  };
  const auto prefetch = [&](std::size_t begin, std::size_t end) {
    for (std::size_t n = begin; n < end; ++n) {
      const float* row = is_head(n) ? tables.head.data() + rows[n].position * stride : rows_.row(rows[n].item);
      for (std::size_t j = 0; j < stride; j += kLanes) __builtin_prefetch(row + j);
    }
  };
  std::uint32_t items[kTogether];
  std::uint32_t places[kTogether];
  float norms[kTogether];
  float scores[kTogether];
  std::size_t end = end_of(0);
  prefetch(0, end);
  for (std::size_t begin = 0; begin < rows.size() && task.fault == Fault::kNone;) {
    const std::size_t count = end - begin;
    for (std::size_t n = 0; n < count; ++n) {
      items[n] = rows[begin + n].item;
      places[n] = is_head(begin) ? rows[begin + n].position : items[n];
      if (task.cosine()) norms[n] = tables.norms[rows[begin + n].position];
    }
    const float* source = is_head(begin) ? tables.head.data() : rows_.data();
    begin = end;
    end = end_of(begin);
    prefetch(begin, end);
    GetScoreKernels().dot_rows(task.query, source, places, count, stride, scores);
    task.scored += count;
    Offer(task, std::span(items, count), std::span(scores, count), norms);
  }
  shortlist.Clear();
}

inline void TopKIndex::Scan(Task& task, const TopKTables& tables, std::size_t end) const {
  const TopKKernels& kernels = GetTopKKernels();
  TopKShortlist& shortlist = task.room->shortlist;
  bool ended = false;
  while (!ended && task.groups < end) {
    // Rows without a direction come last.
    if (task.cosine() && !(tables.norms[task.groups * kTopKGroup] > 0)) break;
    TopKHit& hit = task.room->hit;
    const std::size_t found = kernels.scan(tables.panels.data(), tables.groups.data(), task.groups, end, rows_.stride(),
                                           task.words, task.prepared, Threshold(task), task.cosine(), &hit);
    task.groups = hit.group;
    if (found == end) return;
    if (found == kTopKStop) break;
    Collect(task, tables);
    ++task.groups;
    if (shortlist.size() + kTopKGroup > TopKShortlist::kCapacity) {
      shortlist.Keep(Threshold(task));
      if (shortlist.size() > TopKShortlist::kCapacity / 2) ScoreShortlist(task, tables);
    }
    ended = task.fault != Fault::kNone;
    if (ended || task.groups < task.window_end) continue;
    ScoreShortlist(task, tables);  // a scan this long goes on with the k-th best score itself
    task.whole = task.scored > 3 * task.best.capacity() + task.groups * kTopKGroup / kScoredShare;
    ended = task.whole || task.fault != Fault::kNone;
    task.window_end = task.groups + kWindow;
  }
  task.done = task.groups < end || ended;
}

inline void TopKIndex::ScoreBlock(Task& task, std::size_t begin, std::size_t end) const {
  if (task.candidates.allowed != nullptr) {
    const auto words = task.candidates.allowed->words().subspan(begin / 64, (end + 63) / 64 - begin / 64);
    if (std::all_of(words.begin(), words.end(), [](std::uint64_t word) { return word == 0; })) return;
  }
  float scores[kRowBlock];
  GetScoreKernels().dot_block(task.query, 1, rows_.row(begin), end - begin, rows_.stride(), scores, kRowBlock);
  task.scored += end - begin;
  if (!task.cosine()) {
    const std::span<const float> found(scores, end - begin);
    if (AllFinite(found)) {
      task.best.PushAll(found, static_cast<std::uint32_t>(begin), task.candidates);
      return;
    }
  }
  for (std::size_t row = begin; row < end; ++row) {
    const auto item = static_cast<std::uint32_t>(row);
    if (!task.Allowed(item)) continue;
    const float norm = task.cosine() ? RowNorm(rows_.row(row), rows_.stride()) : 0.0f;
    Offer(task, std::span(&item, 1), std::span(scores + (row - begin), 1), &norm);
  }
}

inline bool TopKIndex::ScoreDirectly(Task& task) const {
  if (task.candidates.allowed == nullptr) return false;
  const std::span<const std::uint64_t> words = task.candidates.allowed->words();
  const std::size_t limit = rows_.rows() / kDirectShare;
  std::size_t allowed = 0;
  for (std::size_t w = 0; w < words.size() && allowed <= limit; ++w)
    allowed += static_cast<std::size_t>(std::popcount(words[w]));
  if (allowed > limit) return false;
  std::uint32_t items[kTopKGroup];
  float norms[kTopKGroup];
  float scores[kTopKGroup];
  for (std::size_t w = 0; w < words.size() && task.fault == Fault::kNone; ++w) {
    std::size_t count = 0;
    for (std::uint64_t word = words[w]; word != 0; word &= word - 1) {
      items[count] = static_cast<std::uint32_t>(64 * w) + static_cast<std::uint32_t>(std::countr_zero(word));
      if (task.Excluded(items[count])) continue;
      if (task.cosine()) norms[count] = RowNorm(rows_.row(items[count]), rows_.stride());
      ++count;
    }
    GetScoreKernels().dot_rows(task.query, rows_.data(), items, count, rows_.stride(), scores);
    task.scored += count;
    Offer(task, std::span(items, count), std::span(scores, count), norms);
  }
  return true;
}

inline void TopKIndex::Answer(std::span<Task> tasks, Room* rooms, std::int8_t* words) const {
  Task* live[kQueryBlock];
  std::size_t live_count = 0;
  bool any_whole = false;
  for (Task& task : tasks) {
    task.room = rooms++;
    task.NoteExcluded();
    if (task.best.capacity() == 0 || ScoreDirectly(task)) continue;
    task.whole = !Prunes(task.best.capacity());
    any_whole |= task.whole;
    if (task.whole) continue;
    task.words = words + live_count * rows_.stride();
    task.prepared = GetTopKKernels().prepare(task.query, rows_.stride(), words + live_count * rows_.stride());
    live[live_count++] = &task;
  }
  if (live_count > 0) {
    const TopKTables& all = tables();
    for (Task* task : std::span(live, live_count)) {
      task->checked = all.checked;
      const double largest = task->cosine() ? 1 : all.groups[0].largest_norm;
      task->room->shortlist.Reset(task->best.capacity(), task->prepared.norm * largest);
    }
    std::size_t step = live_count == 1 ? all.groups.size() : kFirstGroups;
    for (std::size_t begin = 0; live_count > 0 && begin < all.groups.size();) {
      const std::size_t end = std::min(begin + step, all.groups.size());
      std::size_t kept = 0;
      for (std::size_t n = 0; n < live_count; ++n) {
        Scan(*live[n], all, end);
        any_whole |= live[n]->whole;
        if (!live[n]->done && end < all.groups.size()) {
          live[kept++] = live[n];
        } else if (!live[n]->whole && live[n]->fault == Fault::kNone) {
          ScoreShortlist(*live[n], all);
        }
      }
      live_count = kept;
      begin = end;
      step = std::max(kFirstGroups, std::min(2 * step, kBlockBytes / (kTopKGroup * rows_.stride())));
    }
  }
  if (!any_whole) return;
  for (Task& task : tasks)
    if (task.whole) task.best.Clear();
  for (std::size_t begin = 0; begin < rows_.rows(); begin += kRowBlock)
    for (Task& task : tasks)
      if (task.whole && task.fault == Fault::kNone) ScoreBlock(task, begin, std::min(rows_.rows(), begin + kRowBlock));
}

inline absl::Status TopKIndex::FaultStatus(Fault fault, std::size_t query) {
  if (fault == Fault::kOrder) return absl::DataLossError("TopKIndex.order: want rows of the table, got another");
  return absl::DataLossError(absl::StrCat("TopKIndex.Search: want finite scores, got another for query ", query));
}

inline absl::StatusOr<std::size_t> TopKIndex::Finish(Task& task, std::size_t query,
                                                     TopKCertificate* certificate) const {
  if (certificate != nullptr)
    *certificate = {.scored = task.scored, .groups = task.groups, .pruned = task.words != nullptr && !task.whole};
  if (task.fault != Fault::kNone) return FaultStatus(task.fault, query);
  if (!task.checked && !task.whole && task.best.RepeatsAnItem()) return FaultStatus(Fault::kOrder, query);
  return task.best.Finish().size();
}

inline absl::StatusOr<std::size_t> TopKIndex::SearchInto(const float* query, const Candidates& candidates,
                                                         std::span<ScoredItem> best,
                                                         TopKCertificate* certificate) const {
  best = best.first(std::min(best.size(), rows_.rows()));
  Task task{.query = query, .candidates = candidates, .best = TopKHeapView(best)};
  alignas(kAlignment) std::int8_t words[kTopKMaxStride];
  Room room;
  Answer(std::span(&task, 1), &room, words);
  return Finish(task, 0, certificate);
}

inline absl::StatusOr<std::size_t> TopKIndex::SimilarInto(std::size_t row, const Candidates& candidates,
                                                          std::span<ScoredItem> best,
                                                          TopKCertificate* certificate) const {
  assert(row < rows_.rows());
  const float norm = RowNorm(rows_.row(row), rows_.stride());
  if (!(norm > 0)) return std::size_t{0};
  best = best.first(std::min(best.size(), rows_.rows()));
  Task task{
      .query = rows_.row(row), .candidates = candidates, .best = TopKHeapView(best), .cosine_norm = norm, .self = row};
  alignas(kAlignment) std::int8_t words[kTopKMaxStride];
  Room room;
  Answer(std::span(&task, 1), &room, words);
  return Finish(task, 0, certificate);
}

inline absl::StatusOr<std::vector<std::vector<ScoredItem>>> TopKIndex::Search(std::span<const float> queries,
                                                                              std::span<const Candidates> candidates,
                                                                              std::size_t k,
                                                                              const Parallelism& parallelism) const {
  const std::size_t stride = rows_.stride();
  assert(queries.size() == candidates.size() * stride);
  k = std::min(k, rows_.rows());
  std::vector<std::vector<ScoredItem>> results(candidates.size());
  std::vector<absl::Status> faults((candidates.size() + kQueryBlock - 1) / kQueryBlock);
  if (Prunes(k)) tables(parallelism);
  ForEachBlock(parallelism, candidates.size(), kQueryBlock, [&](std::size_t begin, std::size_t end, std::size_t block) {
    AlignedVector<std::int8_t> words((end - begin) * std::min(stride, kTopKMaxStride));
    const auto rooms = std::make_unique_for_overwrite<Room[]>(end - begin);
    std::vector<Task> tasks;
    tasks.reserve(end - begin);
    for (std::size_t q = begin; q < end; ++q) {
      results[q].resize(k);
      tasks.push_back(
          {.query = queries.data() + q * stride, .candidates = candidates[q], .best = TopKHeapView(results[q])});
    }
    Answer(tasks, rooms.get(), words.data());
    for (std::size_t q = begin; q < end; ++q) {
      const absl::StatusOr<std::size_t> found = Finish(tasks[q - begin], q, nullptr);
      if (!found.ok()) {
        faults[block] = found.status();
        return;
      }
      results[q].resize(*found);
    }
  });
  for (const absl::Status& fault : faults) WAYPOST_RETURN_IF_ERROR(fault);
  return results;
}

}  // namespace waypost

#endif  // WAYPOST_BASE_TOP_K_INDEX_HPP_
