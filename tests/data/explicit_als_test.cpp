// Predicted ratings on MovieLens latest-small, a fifth of each user's held out: at the level docs/results.md documents.
#include <string>

#include <gtest/gtest.h>

#include "support/data.hpp"
#include "support/read_log.hpp"
#include "waypost/eval/evaluate.hpp"
#include "waypost/matrix/split.hpp"
#include "waypost/model/model_spec.hpp"

namespace waypost {
namespace {

TEST(ExplicitAls, PredictsRatingsOfFilms) {
  WAYPOST_FIND_DATA_OR_SKIP(path, "cf-movielens-latest-small/ratings.csv.gz");
  ReadOptions columns;
  columns.user_column = "userId";
  columns.item_column = "movieId";
  columns.value_column = "rating";
  const EventLog ratings = testing_support::ReadLog(path, columns);
  const EventSplit split = SplitRandom(ratings, {.test_share = 0.2, .seed = 1}).value();
  WeightingOptions weighting;
  weighting.transform = ValueTransform::kLinear;
  const EventLog train = ratings.Select(split.train);
  const TestSet test = BuildTestSet({train.users(), train.items(), BuildInteractions(train, weighting).value()},
                                    ratings.Select(split.test), {}, weighting)
                           .value();
  const auto rmse = [&](const ExplicitAlsOptions& options) {
    const TrainedModel model = TrainModel(test.training().interactions.positives, options).value();
    return Evaluate(*model.scorer, test, ParseMetrics("rmse").value()).value().Find("rmse")->mean;
  };
  const double figure = rmse({});
  EXPECT_LT(figure, 0.850);
  EXPECT_LT(figure, rmse({.implicit_dimensions = 0}) - 0.01);
}

}  // namespace
}  // namespace waypost
