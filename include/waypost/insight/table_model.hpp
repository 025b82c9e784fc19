// waypost/insight/table_model.hpp - a yes-or-no label of a plain table predicted from its other columns, judged on rows
// that the prediction has not seen.
//
// Definition   Each column becomes numbers, by the training rows alone:
//              - numeric where every cell that is not blank is a number, unless the caller calls it categorical: its
//                value; blank cells take the mean of the training rows, and where the training rows have a blank one a
//                column "COL missing" of 0 and 1 stands beside it;
//              - beside a numeric column without negative values and with more than two different ones,
//                "log1p(COL)" = log(1 + value), a negative value of a later row counting as 0;
//              - any other: "COL=TEXT", 0 or 1, for each text but the most frequent one, which all zeros stand for, as
//                they do for a text that is new; a blank cell is a text of its own, "COL=".
//              A text column whose every row has a text of its own is an identifier: it is left out, and reported.
//              The label is regressed on them (insight/logistic.hpp). Fold k of K holds the rows r with r mod K = k,
//              r counted from 0: each is predicted by a regression on the others.
// Sources      insight/logistic.hpp, insight/probability_metrics.hpp.
// Complexity   K + 1 regressions.
// Determinism  No random numbers; the same bytes for any number of threads.
// Checked by   tests/unit/insight_table_model_test.cpp; on real tables tests/data/insight_table_test.cpp.
#ifndef WAYPOST_INSIGHT_TABLE_MODEL_HPP_
#define WAYPOST_INSIGHT_TABLE_MODEL_HPP_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/data_table.hpp"
#include "waypost/insight/logistic.hpp"
#include "waypost/insight/probability_metrics.hpp"

namespace waypost {

inline constexpr std::size_t kMaxCategories = 1000;  // texts of one column

// How the columns of a table become numbers; see Definition.
//
// Immutable: safe to use from any number of threads.
class TableEncoder {
 public:
  // Learns means and texts from the rows `training`.
  //
  //   columns      of `table`, by number.
  //   categorical  of each of them: its numbers are texts.
  // Errors  kResourceExhausted: a column of more than kMaxCategories texts, or kMaxLogisticColumns in all.
  static absl::StatusOr<TableEncoder> Learn(const DataTable& table, std::span<const std::size_t> columns,
                                            const std::vector<bool>& categorical,
                                            std::span<const std::size_t> training);

  const std::vector<std::string>& names() const { return names_; }

  // The rows as numbers: rows x names().size(), row-major.
  std::vector<double> Encode(const DataTable& table, std::span<const std::size_t> rows) const;

 private:
  struct Part {
    std::size_t column = 0;
    bool numeric = false;
    double mean = 0;
    bool has_missing = false;
    bool has_log = false;
    std::map<std::string, std::size_t, std::less<>> texts;  // those with a place of their own, from 0
    std::size_t first = 0;                                  // place in names_
  };
  std::vector<Part> parts_;
  std::vector<std::string> names_;
};

// Options of CrossValidate. Aggregate: use designated initializers.
struct TableModelOptions {
  // -- what --
  std::string label;  // a column of two values
  // The value that counts as 1. Without it the label's values must be two of 0/1, no/yes, false/true, in any case.
  std::optional<std::string> positive = std::nullopt;
  std::vector<std::string> excluded = {};     // columns that predict nothing
  std::vector<std::string> categorical = {};  // columns whose numbers are names
  // -- quality --
  int folds = 5;  // 2 or more
  LogisticOptions regression = {};
};

struct NamedCoefficient {
  std::string name;
  double value = 0;
  double standard_error = 0;  // NaN where there is none
};

struct TableModel {
  std::size_t rows = 0;
  std::size_t positives = 0;
  std::string positive;               // the value that counts as 1
  std::vector<double> probabilities;  // of each row, by the regression on the other folds
  std::vector<ProbabilityMetrics> folds;
  double intercept = 0;  // of the regression on all rows
  std::vector<NamedCoefficient> coefficients;
  std::vector<std::string> problems;  // each once, with the number of regressions it was met in
};

// Returns out-of-fold predictions, their figures by fold, and the regression on all rows.
//
// Errors  kInvalidArgument: options, an unknown column, one named in two roles, a label that is blank, has other than
//         two values, or values whose meaning is not known, with file and line.  Those of FitLogistic, with the fold.
absl::StatusOr<TableModel> CrossValidate(const DataTable& table, const TableModelOptions& options,
                                         const Parallelism& parallelism = {});

}  // namespace waypost

#endif  // WAYPOST_INSIGHT_TABLE_MODEL_HPP_
