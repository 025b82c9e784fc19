// error: deleted
// The names in an answer live in the recommender, so a temporary one cannot be asked.
#include <utility>

#include "waypost/rank/recommender.hpp"

int main() {
  auto recommender = waypost::Recommender::Create({});
  if (!recommender.ok()) return 0;
#ifdef WRONG
  return std::move(*recommender).Recommend(waypost::Query{}).ok();
#else
  return recommender->Recommend(waypost::Query{}).ok();
#endif
}
