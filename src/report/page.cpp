#include "waypost/report/page.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <new>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "report/markup.hpp"
#include "report/resources.hpp"
#include "report/texts.hpp"
#include "waypost/base/number_text.hpp"

namespace waypost {
namespace {

using report::AppendHtml;
using report::AppendJson;
using report::Html;

constexpr std::size_t kUnfoldedRows = 30;  // a longer table is folded away until it is asked for
constexpr int kHeatColours = 8;

constexpr char kLicence[] =
    "Chart.js is (c) 2022 Chart.js Contributors. Permission is hereby granted, free of charge, to any person obtaining "
    "a copy of this software and associated documentation files (the \"Software\"), to deal in the Software without "
    "restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, "
    "sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, "
    "subject to the following conditions: The above copyright notice and this permission notice shall be included in "
    "all copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY "
    "KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A "
    "PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY "
    "CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR "
    "IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.";

const char* FormName(ColumnForm form) {
  switch (form) {
    case ColumnForm::kText:
      return "text";
    case ColumnForm::kCount:
      return "count";
    case ColumnForm::kNumber:
      return "number";
    case ColumnForm::kPercent:
      return "percent";
    case ColumnForm::kDate:
      return "date";
  }
  return "";
}

const char* FormName(SeriesForm form) {
  switch (form) {
    case SeriesForm::kLine:
      return "line";
    case SeriesForm::kDashed:
      return "dashed";
    case SeriesForm::kSteps:
      return "steps";
    case SeriesForm::kPoints:
      return "points";
    case SeriesForm::kBars:
      return "bars";
  }
  return "";
}

std::optional<double> NumberOf(const PageCell& cell) {
  const double* const number = std::get_if<double>(&cell);
  return number != nullptr && std::isfinite(*number) ? std::optional<double>(*number) : std::nullopt;
}

std::string FormatNumber(double number, ColumnForm form) {
  switch (form) {
    case ColumnForm::kCount:
      return CountText(number);
    case ColumnForm::kPercent:
      return PercentText(number);
    case ColumnForm::kDate:
      return DateText(static_cast<std::int64_t>(std::floor(number)));
    default:
      return NumberToRead(number);
  }
}

std::string CellText(const PageCell& cell, ColumnForm form) {
  if (const std::string* text = std::get_if<std::string>(&cell)) return *text;
  const std::optional<double> number = NumberOf(cell);
  return number ? FormatNumber(*number, form) : std::string();
}

bool IsName(std::string_view name) {
  bool valid = !name.empty() && name[0] >= 'a' && name[0] <= 'z';
  for (char c : name) valid = valid && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-');
  return valid;
}

// What RenderPage asks of a page.
class Checker {
 public:
  absl::Status Name(const std::string& name) {
    if (!IsName(name))
      return absl::InvalidArgumentError(absl::StrCat("Page.name: want [a-z][a-z0-9-]*, got '", name, "'"));
    if (!names_.insert(name).second)
      return absl::InvalidArgumentError(absl::StrCat("Page.name: want each name once, got '", name, "' again"));
    return absl::OkStatus();
  }

  absl::Status Table(const PageTable& table) {
    WAYPOST_RETURN_IF_ERROR(Name(table.name));
    if (table.columns.empty())
      return absl::InvalidArgumentError(
          absl::StrCat("PageTable.columns of '", table.name, "': want at least 1, got 0"));
    for (const std::vector<PageCell>& row : table.rows)
      if (row.size() != table.columns.size())
        return absl::InvalidArgumentError(absl::StrCat("PageTable.rows of '", table.name, "': want ",
                                                       table.columns.size(), " cells, got ", row.size()));
    return absl::OkStatus();
  }

  absl::Status Column(const PageTable& table, std::size_t column) {
    if (column >= 1 && column < table.columns.size() && table.columns[column].form != ColumnForm::kText)
      return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("PageChart.series of '", table.name,
                                                   "': want a column of numbers, got column ", column, " of ",
                                                   table.columns.size()));
  }

  absl::Status operator()(const PageNote&) { return absl::OkStatus(); }
  absl::Status operator()(const std::vector<PageFigure>&) { return absl::OkStatus(); }
  absl::Status operator()(const PageTable& table) { return Table(table); }
  absl::Status operator()(const PageChart& chart) {
    WAYPOST_RETURN_IF_ERROR(Table(chart.table));
    for (const PageSeries& series : chart.series) {
      WAYPOST_RETURN_IF_ERROR(Column(chart.table, series.column));
      if (series.low) WAYPOST_RETURN_IF_ERROR(Column(chart.table, *series.low));
      if (series.high) WAYPOST_RETURN_IF_ERROR(Column(chart.table, *series.high));
    }
    return absl::OkStatus();
  }
  absl::Status operator()(const PageHeatMap& map) {
    WAYPOST_RETURN_IF_ERROR(Table(map.table));
    for (std::size_t column = map.first; column < map.table.columns.size(); ++column)
      WAYPOST_RETURN_IF_ERROR(Column(map.table, column));
    return absl::OkStatus();
  }

 private:
  std::set<std::string> names_;
};

class Renderer {
 public:
  explicit Renderer(const Page& page) : page_(page), texts_(page.language) {}

  std::string Render() && {
    const bool chinese = page_.language == Language::kChinese;
    absl::StrAppend(&out_, "<!DOCTYPE html>\n<html lang=\"", chinese ? "zh-CN" : "en",
                    "\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
                    "'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action "
                    "'none'\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n<title>",
                    Html(page_.title), "</title>\n<style>\n");
    out_ += report::kPageStyle;
    absl::StrAppend(&out_, "</style>\n</head>\n<body>\n<header>\n<h1>", Html(page_.title), "</h1>\n<p>",
                    Html(page_.subtitle), "</p>\n</header>\n<nav aria-label=\"", Html(texts_("page.contents")),
                    "\">\n<ul>\n");
    for (const PageSection& section : page_.sections)
      absl::StrAppend(&out_, "<li><a href=\"#", section.name, "\">", Html(section.title), "</a></li>\n");
    out_ += "</ul>\n</nav>\n<main>\n";
    for (const PageSection& section : page_.sections) {
      absl::StrAppend(&out_, "<section id=\"", section.name, "\" aria-labelledby=\"", section.name,
                      "-title\">\n<h2 id=\"", section.name, "-title\">", Html(section.title), "</h2>\n");
      for (const PageBlock& block : section.blocks) std::visit(*this, block);
      out_ += "</section>\n";
    }
    absl::StrAppend(&out_, "</main>\n<footer><p>", Html(texts_("page.footer")), "</p></footer>\n");
    out_ += "<script type=\"application/json\" id=\"labels\">{\"csv\":";
    AppendJson(texts_("page.csv"), out_);
    out_ += ",\"band\":";
    AppendJson(texts_("page.band"), out_);
    absl::StrAppend(&out_, "}</script>\n<script>/* ", kLicence, " */\n");
    out_ += report::kChartScript;
    out_ += "</script>\n<script>\n";
    out_ += report::kPageScript;
    out_ += "</script>\n</body>\n</html>\n";
    return std::move(out_);
  }

  void operator()(const PageNote& note) {
    const char* const style = note.level == NoteLevel::kWarning  ? "warning"
                              : note.level == NoteLevel::kAbsent ? "absent"
                                                                 : "note";
    absl::StrAppend(&out_, "<p class=\"", style, "\">");
    if (note.level == NoteLevel::kWarning)
      absl::StrAppend(&out_, "<strong>", Html(texts_("page.warning")), "</strong> ");
    absl::StrAppend(&out_, Html(note.text), "</p>\n");
  }

  void operator()(const std::vector<PageFigure>& figures) {
    out_ += "<dl class=\"figures\">\n";
    for (const PageFigure& figure : figures) {
      const std::string value = std::isfinite(figure.value) ? FormatNumber(figure.value, figure.form) : "\xE2\x80\x93";
      absl::StrAppend(&out_, "<div><dt>", Html(figure.label), "</dt><dd>", Html(value));
      if (!figure.detail.empty()) absl::StrAppend(&out_, "<small>", Html(figure.detail), "</small>");
      out_ += "</dd></div>\n";
    }
    out_ += "</dl>\n";
  }

  void operator()(const PageTable& table) {
    absl::StrAppend(&out_, "<figure id=\"", table.name, "\">\n<figcaption>", Html(table.caption), "</figcaption>\n");
    if (table.rows.size() > kUnfoldedRows) {
      Folded(table);
    } else {
      WriteTable(table, nullptr);
    }
    WriteData(table, nullptr);
    out_ += "</figure>\n";
  }

  void operator()(const PageChart& chart) {
    absl::StrAppend(&out_, "<figure id=\"", chart.table.name, "\">\n<figcaption>", Html(chart.title),
                    "</figcaption>\n");
    if (!chart.summary.empty()) absl::StrAppend(&out_, "<p class=\"summary\">", Html(chart.summary), "</p>\n");
    absl::StrAppend(&out_, "<div class=\"canvas\"><canvas role=\"img\" aria-label=\"",
                    Html(absl::StrCat(chart.title, ". ", chart.summary)), "\"></canvas></div>\n");
    Folded(chart.table);
    WriteData(chart.table, &chart);
    out_ += "</figure>\n";
  }

  void operator()(const PageHeatMap& map) {
    absl::StrAppend(&out_, "<figure id=\"", map.table.name, "\">\n<figcaption>", Html(map.title), "</figcaption>\n");
    WriteTable(map.table, &map);
    WriteData(map.table, nullptr);
    out_ += "</figure>\n";
  }

 private:
  void Folded(const PageTable& table) {
    absl::StrAppend(&out_, "<details><summary>",
                    Html(texts_("page.table", {CountText(static_cast<double>(table.rows.size()))})), "</summary>\n");
    WriteTable(table, nullptr);
    out_ += "</details>\n";
  }

  void WriteTable(const PageTable& table, const PageHeatMap* map) {
    absl::StrAppend(&out_, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"", Html(table.caption),
                    "\"><table", map != nullptr ? " class=\"heat\"" : "", ">\n<caption>", Html(table.caption),
                    "</caption>\n<thead><tr>");
    for (const PageColumn& column : table.columns)
      absl::StrAppend(&out_,
                      column.form == ColumnForm::kText ? "<th scope=\"col\" class=\"text\">" : "<th scope=\"col\">",
                      Html(column.name), "</th>");
    out_ += "</tr></thead>\n<tbody>\n";
    for (const std::vector<PageCell>& row : table.rows) {
      out_ += "<tr>";
      for (std::size_t column = 0; column < row.size(); ++column) {
        const ColumnForm form = table.columns[column].form;
        const std::optional<double> number = NumberOf(row[column]);
        const char* const tag = column == 0 ? "th" : "td";
        absl::StrAppend(&out_, "<", tag, column == 0 ? " scope=\"row\"" : "");
        if (map != nullptr && column >= map->first && number) {
          absl::StrAppend(&out_, " class=\"h", HeatColour(*number, *map), "\"");
        } else if (form == ColumnForm::kText) {
          out_ += " class=\"text\"";
        }
        out_ += ">";
        AppendHtml(CellText(row[column], form), out_);
        absl::StrAppend(&out_, "</", tag, ">");
      }
      out_ += "</tr>\n";
    }
    out_ += "</tbody>\n</table></div>\n";
  }

  static int HeatColour(double number, const PageHeatMap& map) {
    const double width = map.high - map.low;
    const double share = width > 0 ? (number - map.low) / width : 0;
    return std::clamp(static_cast<int>(std::clamp(share, 0.0, 1.0) * kHeatColours), 0, kHeatColours - 1);
  }

  // The numbers that the script draws and saves.
  void WriteData(const PageTable& table, const PageChart* chart) {
    out_ += "<script type=\"application/json\" class=\"data\">{\"columns\":[";
    for (std::size_t column = 0; column < table.columns.size(); ++column) {
      out_ += column > 0 ? ",[" : "[";
      AppendJson(table.columns[column].name, out_);
      absl::StrAppend(&out_, ",\"", FormName(table.columns[column].form), "\"]");
    }
    out_ += "],\"rows\":[";
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
      out_ += row > 0 ? ",[" : "[";
      for (std::size_t column = 0; column < table.columns.size(); ++column) {
        if (column > 0) out_ += ",";
        WriteCell(table.rows[row][column], table.columns[column].form);
      }
      out_ += "]";
    }
    out_ += "]";
    if (chart != nullptr) WriteChart(*chart);
    out_ += "}</script>\n";
  }

  void WriteCell(const PageCell& cell, ColumnForm form) {
    if (const std::string* text = std::get_if<std::string>(&cell)) return AppendJson(*text, out_);
    const std::optional<double> number = NumberOf(cell);
    if (!number) {
      out_ += "null";
    } else if (form == ColumnForm::kDate) {
      AppendJson(FormatNumber(*number, form), out_);
    } else {
      out_ += internal::NumberText(*number);
    }
  }

  void WriteChart(const PageChart& chart) {
    const auto index = [](const std::optional<std::size_t>& column) {
      return column ? absl::StrCat(*column) : std::string("null");
    };
    out_ += ",\"chart\":{\"series\":[";
    for (std::size_t n = 0; n < chart.series.size(); ++n) {
      const PageSeries& series = chart.series[n];
      absl::StrAppend(&out_, n > 0 ? "," : "", "{\"column\":", series.column, ",\"form\":\"", FormName(series.form),
                      "\",\"low\":", index(series.low), ",\"high\":", index(series.high), "}");
    }
    absl::StrAppend(&out_, "],\"stacked\":", chart.stacked ? "true" : "false",
                    ",\"diagonal\":", chart.diagonal ? "true" : "false", ",\"y\":");
    AppendJson(chart.y_title, out_);
    out_ += "}";
  }

  const Page& page_;
  report::Texts texts_;
  std::string out_;
};

}  // namespace

absl::StatusOr<std::string> RenderPage(const Page& page) try {
  Checker check;
  for (const PageSection& section : page.sections) {
    WAYPOST_RETURN_IF_ERROR(check.Name(section.name));
    for (const PageBlock& block : section.blocks) WAYPOST_RETURN_IF_ERROR(std::visit(check, block));
  }
  return Renderer(page).Render();
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError("RenderPage: want memory for the page, got none");
}

}  // namespace waypost
