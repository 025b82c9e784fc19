// waypost/report/page.hpp - a report as a value: sections of text, figures, tables and charts, and its one HTML page.
//
// (1) A page stands alone: styles, script and Chart.js lie in it, its policy forbids every request, and it is read
//     without JavaScript, because each chart has its table in the page.
// (2) A chart draws columns of its table and nothing else: what is seen, listed and downloaded are the same numbers.
// (3) Every text may be hostile. It is escaped where it is written; bytes that are no UTF-8 become U+FFFD.
// (4) Equal pages give equal bytes.
// Checked by   tests/unit/report_page_test.cpp, tests/cli/report_test.cpp (a browser).
#ifndef WAYPOST_REPORT_PAGE_HPP_
#define WAYPOST_REPORT_PAGE_HPP_

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/report/language.hpp"

namespace waypost {

// How the numbers of a column are written.
enum class ColumnForm {
  kText,
  kCount,    // 12,345
  kNumber,   // four significant digits
  kPercent,  // of a share: 0.123 is 12.3%
  kDate,     // days since 1970-01-01: 2024-05-01
};

// Nothing, a number (not finite: nothing) or a text.
using PageCell = std::variant<std::monostate, double, std::string>;

struct PageColumn {
  std::string name = {};
  ColumnForm form = ColumnForm::kText;
};

struct PageTable {
  std::string name = {};     // [a-z][a-z0-9-]*, once in a page: of the anchor and the CSV file
  std::string caption = {};  // what the table shows
  std::vector<PageColumn> columns = {};
  std::vector<std::vector<PageCell>> rows = {};
};

enum class SeriesForm { kLine, kDashed, kSteps, kPoints, kBars };

// One column of a chart's table, with its band where `low` and `high` name columns too.
struct PageSeries {
  std::size_t column = 0;
  SeriesForm form = SeriesForm::kLine;
  std::optional<std::size_t> low = std::nullopt;
  std::optional<std::size_t> high = std::nullopt;
};

struct PageChart {
  std::string title = {};
  std::string summary = {};  // what one sees, for those who do not
  PageTable table = {};      // column 0 is the axis: numbers to scale, dates and texts one beside the other
  std::vector<PageSeries> series = {};
  std::string y_title = {};
  bool stacked = false;
  bool diagonal = false;  // draws y = x, where a perfect chart of this kind lies
};

// A table whose cells have colours. Column 0 names the rows.
struct PageHeatMap {
  std::string title = {};
  PageTable table = {};
  std::size_t first = 1;  // the first coloured column; all to its right are coloured too
  double low = 0;         // what the first colour stands for ...
  double high = 1;        // ... and the last
};

enum class NoteLevel { kPlain, kAbsent, kWarning };

struct PageNote {
  NoteLevel level = NoteLevel::kPlain;
  std::string text = {};
};

// Numbers that stand for themselves.
struct PageFigure {
  std::string label = {};
  double value = 0;
  ColumnForm form = ColumnForm::kCount;
  std::string detail = {};  // small, below
};

using PageBlock = std::variant<PageNote, std::vector<PageFigure>, PageTable, PageChart, PageHeatMap>;

struct PageSection {
  std::string name = {};  // as of a table
  std::string title = {};
  std::vector<PageBlock> blocks = {};
};

struct Page {
  Language language = Language::kEnglish;
  std::string title = {};
  std::string subtitle = {};
  std::vector<PageSection> sections = {};
};

// Returns the page as UTF-8.
//
// Errors  kInvalidArgument: a name that is not well formed or occurs twice; a table without columns; a row with more
//         or fewer cells than columns; a series, a band or a colour of a column that is not there.
//         kResourceExhausted: memory.
// Cost    linear in the page; it holds some 200 KB of Chart.js.
absl::StatusOr<std::string> RenderPage(const Page& page);

}  // namespace waypost

#endif  // WAYPOST_REPORT_PAGE_HPP_
