// waypost/rank/prerequisites.hpp - which courses need which: what is unlocked, and the way to a goal.
//
// Definition   Nodes are the items of a model, by dense index, and after them the items of the catalogue that the model
//              does not have. A node is unlocked when every one of its prerequisites is completed. A prerequisite that
//              neither the model nor the catalogue has (a retired course) can be completed by nobody and is not asked
//              for; `unknown()` counts them. A node of a cycle is never unlocked; `cycle()` names one.
//              A path to a goal is every node that the goal needs, directly or not, and that is not completed, each
//              after its prerequisites, the goal last. What a completed node needs is not asked for. The order is that
//              of a depth-first walk along the prerequisites as listed: what a course needs stands close before it.
// Complexity   Build O(nodes + edges). Unlocked O(items / 64 + edges out of the completed). PathTo O(nodes + edges of
//              what the goal needs).
// Checked by   tests/unit/rank_filter_test.cpp; tests/property/rank_rules_test.cpp: what is unlocked, against every
//              item's prerequisites one by one.
#ifndef WAYPOST_RANK_PREREQUISITES_HPP_
#define WAYPOST_RANK_PREREQUISITES_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/base/bitmap.hpp"
#include "waypost/base/ids.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/catalogue.hpp"
#include "waypost/event/id_dictionary.hpp"

namespace waypost {

// Immutable: safe to use from any number of threads.
class PrerequisiteGraph {
 public:
  PrerequisiteGraph() = default;

  // Errors  kInvalidArgument: an id of the catalogue.  kResourceExhausted: memory, or too many items.
  static absl::StatusOr<PrerequisiteGraph> Build(const Catalogue& catalogue, const IdDictionary& items);

  std::size_t item_count() const { return items_.size(); }
  // Items of the model, and those of the catalogue alone.
  std::size_t node_count() const { return items_.size() + others_.size(); }
  std::size_t edge_count() const { return needs_.size(); }
  // Prerequisites that name nothing known.
  std::size_t unknown() const { return unknown_; }

  std::optional<ItemIndex> FindNode(std::string_view id) const {
    if (const auto item = items_.Find(id)) return ItemIndex{*item};
    if (const auto other = others_.Find(id)) return ItemIndex{static_cast<std::uint32_t>(items_.size()) + *other};
    return std::nullopt;
  }
  // Requires  node < node_count().
  std::string_view id(ItemIndex node) const {
    return node.value < items_.size() ? items_.id(node.value)
                                      : others_.id(node.value - static_cast<std::uint32_t>(items_.size()));
  }
  // The prerequisites of a node, as the catalogue lists them.
  std::span<const std::uint32_t> needs(ItemIndex node) const {
    if (offsets_.empty()) return {};
    return std::span(needs_).subspan(offsets_[node.value], offsets_[node.value + 1] - offsets_[node.value]);
  }

  // Takes from `allowed` the items that are not unlocked.
  //   completed  nodes, in any order, with repeats.
  //   allowed    one bit an item.
  // Requires     every node is below node_count().
  void KeepUnlocked(std::span<const ItemIndex> completed, Bitmap& allowed) const;

  // Returns the nodes to complete on the way to `goal`, in order, the goal last; nothing if it is completed.
  // Errors  kFailedPrecondition: the prerequisites run in a circle, which is named.  kOutOfRange: a node.
  //         kResourceExhausted: memory.
  absl::StatusOr<std::vector<ItemIndex>> PathTo(ItemIndex goal, std::span<const ItemIndex> completed) const;

  // Returns the nodes of one cycle, the first of them again at the end; nothing where there is none. The catalogue's
  // mistake: nobody can start any course of it.
  const std::vector<ItemIndex>& cycle() const { return cycle_; }
  // The cycle in words: "a -> b -> a".
  std::string DescribeCycle(std::span<const ItemIndex> cycle) const;

 private:
  // Walks from `goal` and appends to `order` every node that is not done, each after what it needs; marks them done.
  // Returns the cycle it ran into, as of cycle(); the walk then ends.
  //   on_way  no node, before and after a walk without a cycle.
  std::vector<ItemIndex> Walk(ItemIndex goal, Bitmap& done, Bitmap& on_way, std::vector<ItemIndex>& order) const;

  IdDictionary items_;
  IdDictionary others_;
  std::vector<std::uint64_t> offsets_;    // of needs_, by node
  std::vector<std::uint32_t> needs_;      // nodes
  std::vector<std::uint64_t> followers_;  // offsets of followed_by_, by node
  std::vector<std::uint32_t> followed_by_;
  Bitmap locked_;  // items that need anything
  std::size_t unknown_ = 0;
  std::vector<ItemIndex> cycle_;
};

inline absl::StatusOr<PrerequisiteGraph> PrerequisiteGraph::Build(const Catalogue& catalogue,
                                                                  const IdDictionary& items) try {
  PrerequisiteGraph graph;
  graph.items_ = items;
  IdDictionaryBuilder others;
  for (const CatalogueItem& entry : catalogue.items())
    if (!items.Find(entry.id)) WAYPOST_RETURN_IF_ERROR(others.Add(entry.id).status());
  graph.others_ = std::move(others).Build();
  if (graph.node_count() > kMaxEntities)
    return absl::ResourceExhaustedError(
        absl::StrCat("PrerequisiteGraph: want at most ", kMaxEntities, " items, got ", graph.node_count()));

  const std::size_t nodes = graph.node_count();
  graph.offsets_.assign(1, 0);
  graph.followers_.assign(nodes + 1, 0);
  graph.locked_ = Bitmap(items.size());
  for (std::uint32_t node = 0; node < nodes; ++node) {
    if (const auto position = catalogue.Find(graph.id(ItemIndex{node})))
      for (const std::string& id : catalogue.item(*position).prerequisites) {
        if (const auto needed = graph.FindNode(id)) {
          graph.needs_.push_back(needed->value);
          ++graph.followers_[needed->value + 1];
        } else {
          ++graph.unknown_;
        }
      }
    if (node < items.size() && graph.needs_.size() > graph.offsets_.back()) graph.locked_.Set(node);
    graph.offsets_.push_back(graph.needs_.size());
  }
  for (std::size_t node = 0; node < nodes; ++node) graph.followers_[node + 1] += graph.followers_[node];
  graph.followed_by_.resize(graph.needs_.size());
  std::vector<std::uint64_t> next(graph.followers_.begin(), graph.followers_.end() - 1);
  for (std::uint32_t node = 0; node < nodes; ++node)
    for (std::uint32_t needed : graph.needs(ItemIndex{node})) graph.followed_by_[next[needed]++] = node;

  Bitmap done(nodes);
  Bitmap on_way(nodes);
  std::vector<ItemIndex> order;
  for (std::uint32_t node = 0; node < nodes && graph.cycle_.empty(); ++node)
    if (!graph.needs(ItemIndex{node}).empty()) graph.cycle_ = graph.Walk(ItemIndex{node}, done, on_way, order);
  return graph;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("PrerequisiteGraph.Build: out of memory");
}

inline void PrerequisiteGraph::KeepUnlocked(std::span<const ItemIndex> completed, Bitmap& allowed) const {
  std::vector<std::uint32_t> done;
  done.reserve(completed.size());
  for (ItemIndex node : completed) done.push_back(node.value);
  std::sort(done.begin(), done.end());
  done.erase(std::unique(done.begin(), done.end()), done.end());
  std::vector<std::uint32_t> unlocked;
  for (std::uint32_t node : done)
    for (std::uint64_t n = followers_[node]; n < followers_[node + 1]; ++n) {
      const std::uint32_t item = followed_by_[n];
      if (item >= item_count() || !allowed.Test(item)) continue;
      const auto is_done = [&](std::uint32_t needed) { return std::binary_search(done.begin(), done.end(), needed); };
      const std::span<const std::uint32_t> all = needs(ItemIndex{item});
      if (std::all_of(all.begin(), all.end(), is_done)) unlocked.push_back(item);
    }
  allowed.Subtract(locked_);
  for (std::uint32_t item : unlocked) allowed.Set(item);
}

inline std::vector<ItemIndex> PrerequisiteGraph::Walk(ItemIndex goal, Bitmap& done, Bitmap& on_way,
                                                      std::vector<ItemIndex>& order) const {
  struct Step {
    ItemIndex node;
    std::size_t next = 0;  // which of its prerequisites comes next
  };
  if (done.Test(goal.value)) return {};
  std::vector<Step> way = {{goal}};  // a stack of our own: a chain of courses may be long
  on_way.Set(goal.value);
  while (!way.empty()) {
    const std::span<const std::uint32_t> all = needs(way.back().node);
    if (way.back().next == all.size()) {
      order.push_back(way.back().node);
      done.Set(way.back().node.value);
      on_way.Clear(way.back().node.value);
      way.pop_back();
      continue;
    }
    const ItemIndex needed{all[way.back().next++]};
    if (done.Test(needed.value)) continue;
    if (on_way.Test(needed.value)) {
      std::vector<ItemIndex> cycle;
      auto step = std::find_if(way.begin(), way.end(), [&](const Step& at) { return at.node == needed; });
      for (; step != way.end(); ++step) cycle.push_back(step->node);
      cycle.push_back(needed);
      return cycle;
    }
    on_way.Set(needed.value);
    way.push_back({needed});
  }
  return {};
}

inline absl::StatusOr<std::vector<ItemIndex>> PrerequisiteGraph::PathTo(ItemIndex goal,
                                                                        std::span<const ItemIndex> completed) const
    try {
  Bitmap done(node_count());
  for (ItemIndex node : completed) {
    if (node.value >= node_count())
      return absl::OutOfRangeError(absl::StrCat("PathTo.completed: want below ", node_count(), ", got ", node.value));
    done.Set(node.value);
  }
  if (goal.value >= node_count())
    return absl::OutOfRangeError(absl::StrCat("PathTo.goal: want below ", node_count(), ", got ", goal.value));
  std::vector<ItemIndex> order;
  Bitmap on_way(node_count());
  const std::vector<ItemIndex> cycle = Walk(goal, done, on_way, order);
  if (!cycle.empty())
    return absl::FailedPreconditionError(
        absl::StrCat("PathTo.goal: want prerequisites without a circle, got ", DescribeCycle(cycle)));
  return order;
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("PathTo: out of memory");
}

inline std::string PrerequisiteGraph::DescribeCycle(std::span<const ItemIndex> cycle) const {
  constexpr std::size_t kShown = 8;  // a message has one line
  std::string text;
  for (std::size_t n = 0; n < cycle.size(); ++n) {
    if (n == kShown && cycle.size() > kShown + 2) {
      absl::StrAppend(&text, " -> ...");
      n = cycle.size() - 1;
    }
    absl::StrAppend(&text, n == 0 ? "" : " -> ", internal::ToAbsl(id(cycle[n])));
  }
  return text;
}

}  // namespace waypost

#endif  // WAYPOST_RANK_PREREQUISITES_HPP_
