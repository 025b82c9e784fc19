#include "waypost/insight/table_model.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <new>
#include <set>
#include <string_view>
#include <utility>

namespace waypost {
namespace {

// Means of no, yes and their like; nullopt: neither.
std::optional<bool> Truth(std::string_view text) {
  std::string lower;
  for (const char c : text) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (lower == "1" || lower == "yes" || lower == "true" || lower == "y" || lower == "t") return true;
  if (lower == "0" || lower == "no" || lower == "false" || lower == "n" || lower == "f") return false;
  return std::nullopt;
}

absl::StatusOr<std::vector<std::uint8_t>> ReadLabels(const DataTable& table, const DataColumn& column,
                                                     const std::optional<std::string>& positive, std::string& one) {
  std::vector<std::string_view> values;  // at most two
  bool met = false;                      // the positive value that is named
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string_view text = column.text(row);
    if (text.empty()) return table.ErrorAt(row, "column '" + column.name() + "': want a label, got a blank");
    if (positive) {
      met = met || text == *positive;
      continue;
    }
    if (std::find(values.begin(), values.end(), text) != values.end()) continue;
    values.push_back(text);
    if (values.size() > 2)
      return table.ErrorAt(row, "column '" + column.name() +
                                    "': want two values, or the positive one named, got a third: '" +
                                    std::string(text) + "'");
  }
  if (positive) {
    one = *positive;
    if (!met)
      return table.Error("column '" + column.name() + "': want the positive value '" + *positive +
                         "' in some row, got none");
  } else {
    for (const std::string_view value : values) {
      if (!Truth(value))
        return table.Error("column '" + column.name() +
                           "': want 0/1, no/yes or false/true, or the positive value named, got '" +
                           std::string(value) + "'");
      if (*Truth(value)) one = std::string(value);
    }
    if (values.size() == 2 && *Truth(values[0]) == *Truth(values[1]))
      return table.Error("column '" + column.name() + "': want one value for yes and one for no, got '" +
                         std::string(values[0]) + "' and '" + std::string(values[1]) + "'");
  }
  std::vector<std::uint8_t> labels(table.rows());
  for (std::size_t row = 0; row < table.rows(); ++row) labels[row] = column.text(row) == one;
  const auto ones = static_cast<std::size_t>(std::count(labels.begin(), labels.end(), 1));
  if (ones == 0 || ones == labels.size())
    return table.Error("column '" + column.name() + "': want two values, got '" +
                       std::string(labels.empty() ? std::string_view() : column.text(0)) + "' in every row");
  return labels;
}

// The columns that predict: all but label and excluded, with those called categorical marked.
struct Predictors {
  std::vector<std::size_t> columns;
  std::vector<bool> categorical;
};

absl::StatusOr<Predictors> PickPredictors(const DataTable& table, const TableModelOptions& options,
                                          std::vector<std::string>& problems) {
  std::set<std::string, std::less<>> taken = {options.label};
  for (const std::string& name : options.excluded) {
    WAYPOST_RETURN_IF_ERROR(table.Find(name).status());
    if (name == options.label) return table.Error("column '" + name + "': want the label to stay, got it left out");
    taken.insert(name);
  }
  for (const std::string& name : options.categorical) {
    WAYPOST_RETURN_IF_ERROR(table.Find(name).status());
    if (taken.contains(name))
      return table.Error("column '" + name +
                         "': want a column that predicts, got it categorical and left out or the label");
  }
  Predictors predictors;
  for (std::size_t c = 0; c < table.columns().size(); ++c) {
    const DataColumn& column = table.columns()[c];
    if (taken.contains(column.name())) continue;
    const bool categorical =
        std::find(options.categorical.begin(), options.categorical.end(), column.name()) != options.categorical.end();
    if (column.missing() == table.rows()) {
      problems.push_back("column '" + column.name() + "' is blank in every row: left out");
      continue;
    }
    if (!column.numeric() && !categorical && table.rows() > 2) {
      std::set<std::string_view> texts;
      for (std::size_t row = 0; row < table.rows(); ++row) texts.insert(column.text(row));
      if (texts.size() == table.rows()) {
        problems.push_back("column '" + column.name() + "' has another text in every row: left out as an identifier");
        continue;
      }
    }
    predictors.columns.push_back(c);
    predictors.categorical.push_back(categorical);
  }
  if (predictors.columns.empty()) return table.Error("want a column beside the label that predicts, got none");
  return predictors;
}

struct FoldFit {
  TableEncoder encoder;
  LogisticFit fit;
};

absl::StatusOr<FoldFit> FitRows(const DataTable& table, const Predictors& predictors,
                                const std::vector<std::uint8_t>& labels, std::span<const std::size_t> rows,
                                const LogisticOptions& options, const Parallelism& parallelism) {
  WAYPOST_ASSIGN_OR_RETURN(TableEncoder encoder,
                           TableEncoder::Learn(table, predictors.columns, predictors.categorical, rows));
  const std::vector<double> values = encoder.Encode(table, rows);
  std::vector<std::uint8_t> of_rows;
  for (const std::size_t row : rows) of_rows.push_back(labels[row]);
  WAYPOST_ASSIGN_OR_RETURN(LogisticFit fit,
                           FitLogistic({.values = values, .columns = encoder.names(), .labels = of_rows, .groups = {}},
                                       options, parallelism));
  return FoldFit{std::move(encoder), std::move(fit)};
}

absl::StatusOr<TableModel> Run(const DataTable& table, const TableModelOptions& options,
                               const Parallelism& parallelism) {
  WAYPOST_RETURN_IF_ERROR(Validate(options.regression));
  if (options.folds < 2 || static_cast<std::size_t>(options.folds) > table.rows())
    return absl::InvalidArgumentError(
        absl::StrCat("TableModelOptions.folds: want 2..", table.rows(), ", the rows, got ", options.folds));
  TableModel model;
  WAYPOST_ASSIGN_OR_RETURN(const DataColumn* label, table.Find(options.label));
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<std::uint8_t> labels,
                           ReadLabels(table, *label, options.positive, model.positive));
  WAYPOST_ASSIGN_OR_RETURN(const Predictors predictors, PickPredictors(table, options, model.problems));
  model.rows = table.rows();
  for (const std::uint8_t y : labels) model.positives += y;
  model.probabilities.resize(table.rows());

  std::vector<std::pair<std::string, int>> met;  // problems of the regressions, in order of first appearance
  const auto note = [&](const LogisticFit& fit) {
    for (const LogisticProblem& problem : fit.problems) {
      const std::string text = std::string(LogisticProblemName(problem.kind)) + ": " + problem.message;
      const auto known = std::find_if(met.begin(), met.end(), [&](const auto& entry) { return entry.first == text; });
      if (known == met.end()) {
        met.emplace_back(text, 1);
      } else {
        ++known->second;
      }
    }
  };
  const auto folds = static_cast<std::size_t>(options.folds);
  for (std::size_t fold = 0; fold < folds; ++fold) {
    std::vector<std::size_t> training, test;
    for (std::size_t row = 0; row < table.rows(); ++row) (row % folds == fold ? test : training).push_back(row);
    const absl::StatusOr<FoldFit> fitted =
        FitRows(table, predictors, labels, training, options.regression, parallelism);
    if (!fitted.ok()) return internal::AddContext(absl::StrCat("fold ", fold), fitted.status());
    note(fitted->fit);
    const std::vector<double> values = fitted->encoder.Encode(table, test);
    const std::size_t columns = fitted->encoder.names().size();
    std::vector<double> predicted;
    std::vector<std::uint8_t> happened;
    for (std::size_t n = 0; n < test.size(); ++n) {
      predicted.push_back(fitted->fit.Probability(std::span(values).subspan(n * columns, columns)));
      happened.push_back(labels[test[n]]);
      model.probabilities[test[n]] = predicted.back();
    }
    WAYPOST_ASSIGN_OR_RETURN(ProbabilityMetrics metrics, EvaluateProbabilities(predicted, happened));
    model.folds.push_back(std::move(metrics));
  }
  std::vector<std::size_t> all(table.rows());
  for (std::size_t row = 0; row < all.size(); ++row) all[row] = row;
  WAYPOST_ASSIGN_OR_RETURN(const FoldFit whole,
                           FitRows(table, predictors, labels, all, options.regression, parallelism));
  note(whole.fit);
  model.intercept = whole.fit.intercepts[0];
  for (std::size_t j = 0; j < whole.fit.coefficients.size(); ++j)
    model.coefficients.push_back(
        {whole.encoder.names()[j], whole.fit.coefficients[j], whole.fit.coefficient_errors[j]});
  for (const auto& [text, times] : met)
    model.problems.push_back(
        text + (times > static_cast<int>(folds)
                    ? ""
                    : " (in " + std::to_string(times) + " of " + std::to_string(folds + 1) + " regressions)"));
  return model;
}

}  // namespace

absl::StatusOr<TableEncoder> TableEncoder::Learn(const DataTable& table, std::span<const std::size_t> columns,
                                                 const std::vector<bool>& categorical,
                                                 std::span<const std::size_t> training) {
  TableEncoder encoder;
  for (std::size_t n = 0; n < columns.size(); ++n) {
    const DataColumn& column = table.columns()[columns[n]];
    Part part;
    part.column = columns[n];
    part.first = encoder.names_.size();
    part.numeric = column.numeric() && !categorical[n];
    if (part.numeric) {
      double sum = 0, low = 0;
      std::size_t count = 0;
      std::set<double> distinct;  // up to three: more say nothing new
      for (const std::size_t row : training) {
        if (column.missing(row)) continue;
        const double value = column.number(row);
        sum += value;
        low = std::min(low, value);
        ++count;
        if (distinct.size() < 3) distinct.insert(value);
      }
      part.mean = count == 0 ? 0 : sum / static_cast<double>(count);
      part.has_missing = count < training.size();
      part.has_log = low >= 0 && distinct.size() > 2;
      encoder.names_.push_back(column.name());
      if (part.has_missing) encoder.names_.push_back(column.name() + " missing");
      if (part.has_log) encoder.names_.push_back("log1p(" + column.name() + ")");
    } else {
      std::map<std::string, std::size_t, std::less<>> counts;
      for (const std::size_t row : training) {
        const std::string_view text = column.text(row);
        const auto known = counts.find(text);
        if (known != counts.end()) {
          ++known->second;
        } else {
          counts.emplace(text, 1);
        }
        if (counts.size() > kMaxCategories)
          return table.Error("column '" + column.name() + "': want at most " + std::to_string(kMaxCategories) +
                             " different texts, got more");
      }
      const auto most = std::max_element(counts.begin(), counts.end(),
                                         [](const auto& a, const auto& b) { return a.second < b.second; });
      for (const auto& [text, count] : counts) {
        if (most != counts.end() && text == most->first) continue;
        part.texts.emplace(text, part.texts.size());
        encoder.names_.push_back(column.name() + "=" + text);
      }
    }
    encoder.parts_.push_back(std::move(part));
  }
  if (encoder.names_.size() > kMaxLogisticColumns)
    return absl::ResourceExhaustedError(absl::StrCat("TableEncoder: want at most ", kMaxLogisticColumns,
                                                     " columns of numbers, got ", encoder.names_.size()));
  return encoder;
}

std::vector<double> TableEncoder::Encode(const DataTable& table, std::span<const std::size_t> rows) const {
  std::vector<double> values(rows.size() * names_.size());
  for (const Part& part : parts_) {
    const DataColumn& column = table.columns()[part.column];
    for (std::size_t n = 0; n < rows.size(); ++n) {
      double* out = values.data() + n * names_.size() + part.first;
      if (part.numeric) {
        const bool missing = column.missing(rows[n]);
        const double value = missing ? part.mean : column.number(rows[n]);
        *out++ = value;
        if (part.has_missing) *out++ = missing;
        if (part.has_log) *out = std::log1p(std::max(0.0, value));
      } else if (const auto known = part.texts.find(column.text(rows[n])); known != part.texts.end()) {
        out[known->second] = 1;
      }
    }
  }
  return values;
}

absl::StatusOr<TableModel> CrossValidate(const DataTable& table, const TableModelOptions& options,
                                         const Parallelism& parallelism) {
  try {
    return Run(table, options, parallelism);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("CrossValidate: want more memory for the table");
  }
}

}  // namespace waypost
