// serve/fallback.hpp - the answer to a question about a user of whom the model knows nothing: a chain of rankings.
//
// Links    trending; popular in the categories of what the user has met; popular. Each is asked for what the links
//          before it left open, of its own items that they did not give, and each suggestion names its link.
// Rules    hold over the whole list: what may come back, availability, prerequisites, and the caps, of which each link
//          has what the links before it left. Value weights, diversity and exploration choose within a link; diversity
//          keeps away from the items of the links before too. The order of the links always holds.
#ifndef WAYPOST_SRC_SERVE_FALLBACK_HPP_
#define WAYPOST_SRC_SERVE_FALLBACK_HPP_

#include "serve/live_model.hpp"
#include "serve/user_facts.hpp"
#include "waypost/base/status.hpp"
#include "waypost/rank/query.hpp"

namespace waypost::serve {

//   trending  of `live`; null: no such link.
// Errors      those of Recommender::Recommend.
// Lifetime    the views in the result live as long as `live`.
absl::StatusOr<Recommendation> AnswerByChain(const LiveModel& live, const LiveModel::TrendingRanks* trending,
                                             const IndexedQuery& query, const UserFacts& facts, bool explain);

}  // namespace waypost::serve

#endif  // WAYPOST_SRC_SERVE_FALLBACK_HPP_
