#include "waypost/report/page.hpp"

#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/markup.hpp"
#include "report/resources.hpp"
#include "report/texts.hpp"

namespace waypost {
namespace {

using testing::HasSubstr;
using testing::Not;

PageTable SmallTable(const std::string& name) {
  return {.name = name,
          .caption = "What it shows",
          .columns = {{"Day", ColumnForm::kDate}, {"Users", ColumnForm::kCount}, {"Share", ColumnForm::kPercent}},
          .rows = {{19000.0, 12345.0, 0.125}, {19001.0, std::monostate{}, std::numeric_limits<double>::quiet_NaN()}}};
}

Page OneSection(PageBlock block) {
  Page page;
  page.title = "Report";
  page.sections.push_back({"first", "First", {std::move(block)}});
  return page;
}

PageChart SmallChart() {
  return {.title = "Users",
          .summary = "They grow.",
          .table = SmallTable("users"),
          .series = {{.column = 1, .form = SeriesForm::kBars}, {.column = 2}},
          .y_title = "Users"};
}

std::string Rendered(const Page& page) {
  const absl::StatusOr<std::string> html = RenderPage(page);
  EXPECT_TRUE(html.ok()) << html.status();
  return html.value_or("");
}

// The part of a page before the scripts that are the same in all pages.
std::string Body(const std::string& html) {
  return html.substr(0, html.find("Chart.js is (c)"));
}

TEST(RenderPage, ChartHasItsTableItsNumbersAndALabel) {
  const std::string body = Body(Rendered(OneSection(SmallChart())));
  EXPECT_THAT(body, HasSubstr("<figure id=\"users\">"));
  EXPECT_THAT(body, HasSubstr("<canvas role=\"img\" aria-label=\"Users. They grow.\">"));
  EXPECT_THAT(body, HasSubstr("<caption>What it shows</caption>"));
  EXPECT_THAT(body, HasSubstr("<th scope=\"row\">2022-01-08</th><td>12,345</td><td>12.5%</td>"));
  EXPECT_THAT(body, HasSubstr("<th scope=\"row\">2022-01-09</th><td></td><td></td>"));
  EXPECT_THAT(body, HasSubstr("\"rows\":[[\"2022-01-08\",12345,0.125],[\"2022-01-09\",null,null]]"));
  EXPECT_THAT(body, HasSubstr("\"series\":[{\"column\":1,\"form\":\"bars\""));
}

TEST(RenderPage, StandsAlone) {
  const std::string html = Rendered(OneSection(SmallChart()));
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  EXPECT_THAT(html, HasSubstr("Chart.js v"));
  EXPECT_THAT(html, HasSubstr("Permission is hereby granted"));
  EXPECT_THAT(Body(html), Not(HasSubstr("http:")));
  EXPECT_THAT(Body(html), Not(HasSubstr("https:")));
  EXPECT_THAT(html, Not(HasSubstr("<script src")));
  EXPECT_THAT(html, Not(HasSubstr("<link rel=\"stylesheet\"")));
}

TEST(RenderPage, EqualPagesAreEqualBytes) {
  EXPECT_EQ(Rendered(OneSection(SmallChart())), Rendered(OneSection(SmallChart())));
}

TEST(RenderPage, HostileTextsAreOnlyText) {
  const std::string hostile = "</script><img src=x onerror=alert(1)>'\"&\xE2\x80\xA8\xE8\xAF\xBE\xE7\xA8\x8B\xFF\x01";
  Page page = OneSection(PageTable{.name = "ids", .caption = hostile, .columns = {{hostile}}, .rows = {{hostile}}});
  page.title = hostile;
  page.subtitle = hostile;
  page.sections[0].title = hostile;
  page.sections[0].blocks.emplace_back(PageNote{NoteLevel::kWarning, hostile});
  page.sections[0].blocks.emplace_back(std::vector<PageFigure>{{hostile, 1, ColumnForm::kCount, hostile}});
  PageChart chart = SmallChart();
  chart.title = chart.summary = chart.y_title = chart.table.caption = chart.table.columns[1].name = hostile;
  page.sections[0].blocks.emplace_back(chart);
  page.sections[0].blocks.emplace_back(PageHeatMap{.title = hostile, .table = SmallTable("heat")});
  const std::string clean = Rendered(OneSection(SmallChart()));
  const std::string html = Rendered(page);
  EXPECT_THAT(html, Not(HasSubstr("<img")));
  EXPECT_THAT(html, Not(HasSubstr("</script><")));
  EXPECT_THAT(html, Not(HasSubstr("\xFF")));
  EXPECT_THAT(html, Not(HasSubstr("\x01")));
  // In the page as escaped text, in the data of the script as a JSON string.
  EXPECT_THAT(html, HasSubstr("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&#39;&quot;&amp;\xE2\x80\xA8"
                              "\xE8\xAF\xBE\xE7\xA8\x8B\xEF\xBF\xBD\xEF\xBF\xBD"));
  EXPECT_THAT(html, HasSubstr("\\u003c/script\\u003e\\u003cimg src=x onerror=alert(1)\\u003e'\\\"\\u0026\\u2028"));
}

TEST(RenderPage, RefusesWhatCannotBeDrawn) {
  const auto fails_with = [](PageBlock block, const std::string& message) {
    const absl::StatusOr<std::string> html = RenderPage(OneSection(std::move(block)));
    EXPECT_EQ(html.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(html.status().message()), HasSubstr(message));
  };
  fails_with(PageTable{.name = "Not a name", .columns = {{"a"}}}, "want [a-z][a-z0-9-]*, got 'Not a name'");
  fails_with(PageTable{.name = "first", .columns = {{"a"}}}, "want each name once, got 'first' again");
  fails_with(PageTable{.name = "empty"}, "want at least 1, got 0");
  fails_with(PageTable{.name = "short", .columns = {{"a"}, {"b"}}, .rows = {{"x"}}}, "want 2 cells, got 1");
  PageChart chart = SmallChart();
  chart.series[0].column = 3;
  fails_with(chart, "want a column of numbers, got column 3 of 3");
  chart = SmallChart();
  chart.series[0].low = 0;
  fails_with(chart, "want a column of numbers, got column 0 of 3");
}

TEST(RenderPage, HeatMapColoursGoFromLowToHigh) {
  const PageHeatMap map{.title = "Heat",
                        .table = {.name = "heat",
                                  .caption = "Heat",
                                  .columns = {{"Row"}, {"a", ColumnForm::kPercent}, {"b", ColumnForm::kPercent}},
                                  .rows = {{"x", 0.0, 0.5}, {"y", 1.0, std::monostate{}}}}};
  const std::string body = Body(Rendered(OneSection(map)));
  EXPECT_THAT(body, HasSubstr("<td class=\"h0\">0.0%</td><td class=\"h4\">50.0%</td>"));
  EXPECT_THAT(body, HasSubstr("<td class=\"h7\">100.0%</td><td></td>"));
}

TEST(RenderPage, SpeaksChinese) {
  Page page = OneSection(SmallChart());
  page.language = Language::kChinese;
  const std::string html = Rendered(page);
  EXPECT_THAT(html, HasSubstr("<html lang=\"zh-CN\">"));
  EXPECT_THAT(html, HasSubstr("\xE4\xB8\x8B\xE8\xBD\xBD CSV"));
}

TEST(Numbers, AreWrittenToBeRead) {
  EXPECT_EQ(CountText(0), "0");
  EXPECT_EQ(CountText(-0.0), "0");
  EXPECT_EQ(CountText(999), "999");
  EXPECT_EQ(CountText(-1234567), "-1,234,567");
  EXPECT_EQ(CountText(std::numeric_limits<double>::infinity()), "");
  EXPECT_EQ(NumberToRead(0.0123456), "0.01235");
  EXPECT_EQ(NumberToRead(12.5), "12.5");
  EXPECT_EQ(NumberToRead(123456.7), "123,457");
  EXPECT_EQ(NumberToRead(-0.5), "-0.5");
  EXPECT_EQ(NumberToRead(1e-9), "1.000e-09");
  EXPECT_EQ(NumberToRead(1e300), "1.000e+300");
  EXPECT_EQ(PercentText(0.0123), "1.23%");
  EXPECT_EQ(PercentText(0.5), "50.0%");
  EXPECT_EQ(PercentText(0), "0.0%");
  EXPECT_EQ(DateText(0), "1970-01-01");
  EXPECT_EQ(DateText(-1), "1969-12-31");
  EXPECT_EQ(DateText(std::numeric_limits<std::int64_t>::min()), "0000-01-01");
  EXPECT_EQ(DateText(std::numeric_limits<std::int64_t>::max()), "9999-12-31");
  EXPECT_EQ(MomentText(-1), "1969-12-31 23:59 UTC");
  EXPECT_EQ(MomentText(1714566600000000), "2024-05-01 12:30 UTC");
}

TEST(Texts, EveryLineHasBothLanguagesAndTheSamePlaces) {
  const auto places = [](std::string_view text) {
    std::set<char> found;
    for (std::size_t at = 0; at + 1 < text.size(); ++at)
      if (text[at] == '$') found.insert(text[at + 1]);
    return found;
  };
  std::set<std::string_view> keys;
  for (std::string_view rest = report::kTexts; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    if (line.empty() || line[0] == '#') continue;
    SCOPED_TRACE(line);
    const std::size_t first = line.find('\t');
    const std::size_t second = line.find('\t', first + 1);
    ASSERT_NE(second, std::string_view::npos);
    EXPECT_EQ(line.find('\t', second + 1), std::string_view::npos);
    const std::string_view english = line.substr(first + 1, second - first - 1), chinese = line.substr(second + 1);
    EXPECT_FALSE(english.empty());
    EXPECT_FALSE(chinese.empty());
    EXPECT_EQ(places(english), places(chinese));
    EXPECT_TRUE(keys.insert(line.substr(0, first)).second);
  }
  EXPECT_GT(keys.size(), 50u);
}

}  // namespace
}  // namespace waypost
