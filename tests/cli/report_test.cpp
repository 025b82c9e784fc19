// waypost report: the page it writes, read as text and opened in a browser.
#include <cstdlib>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tool.hpp"

namespace waypost::testing_support {
namespace {

using testing::HasSubstr;

constexpr char kHostile[] = "</script><img src=x onerror=document.title='hacked'>";

std::size_t CountOf(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// The first of these programs on the path, or nothing.
std::string FindBrowser() {
  const char* const path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');)
    for (const char* name : {"chromium", "chromium-browser", "google-chrome"})
      if (access((folder + "/" + name).c_str(), X_OK) == 0) return folder + "/" + name;
  return "";
}

class ReportTest : public CliTest {
 protected:
  void SetUp() override {
    ASSERT_EQ(Run({"simulate", "--out", Path("community"), "--users", "200", "--seed", "3"}).exit_status, 0);
    ASSERT_EQ(Run({"import", "--store", Path("shop"), Path("community/events.csv"), "--catalog",
                   Path("community/catalog.jsonl")})
                  .exit_status,
              0);
  }

  void AddHostileEvents() {
    std::string csv = "user,item,time\n";
    for (int n = 0; n < 3000; ++n) csv += std::string(kHostile) + ",=1+1,2024-01-01\n";
    ASSERT_EQ(Run({"import", "--store", Path("shop"), Write("hostile.csv", csv)}).exit_status, 0);
  }

  std::string Report(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {
        "report", "--store", Path("shop"), "--out", Path("report.html"), "--now", "2025-01-01T00:00:00Z"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ToolResult result = Run(arguments);
    EXPECT_EQ(result.exit_status, 0) << result.err;
    return ReadFile(Path("report.html"));
  }

  // What a browser makes of a page: its document after the scripts have run.
  std::string Open(const std::string& browser, const std::string& html) {
    Write("opened.html", html);
    const std::string command = "timeout 120 '" + browser +
                                "' --headless --no-sandbox --disable-gpu --virtual-time-budget=5000 --user-data-dir='" +
                                Path("profile") + "' --dump-dom 'file://" + Path("opened.html") + "' > '" +
                                Path("dom.html") + "' 2> '" + Path("browser.log") + "'";
    EXPECT_EQ(std::system(command.c_str()), 0) << ReadFile(Path("browser.log"));
    return ReadFile(Path("dom.html"));
  }
};

TEST_F(ReportTest, HasItsSectionsAndTheSameBytesForTheSameMoment) {
  const std::string first = Report();
  for (const char* section : {"overview", "activity", "retention-section", "catalogue", "data"})
    EXPECT_THAT(first, HasSubstr("<section id=\"" + std::string(section) + "\""));
  EXPECT_EQ(CountOf(first, "<canvas "), CountOf(first, "\"chart\":{"));
  EXPECT_EQ(first, Report({"--threads", "1"}));
  EXPECT_EQ(first, Report({"--threads", "3"}));
}

TEST_F(ReportTest, SaysInJsonWhatItWrote) {
  const nlohmann::json facts =
      RunJson({"report", "--store", Path("shop"), "--out", Path("report.html"), "--now", "2025-01-01"});
  EXPECT_EQ(facts["bytes"], ReadFile(Path("report.html")).size());
  EXPECT_GT(facts["events"], 1000);
}

TEST_F(ReportTest, SpeaksChineseAndTakesATitle) {
  const std::string html = Report({"--language", "zh", "--title", "A & B"});
  EXPECT_THAT(html, HasSubstr("<html lang=\"zh-CN\">"));
  EXPECT_THAT(html, HasSubstr("<h1>A &amp; B</h1>"));
  EXPECT_THAT(html, HasSubstr("\xE6\xA6\x82\xE8\xA7\x88"));
}

TEST_F(ReportTest, RefusesWhatItCannotDo) {
  EXPECT_EQ(Run({"report", "--store", Path("shop")}).exit_status, 2);
  EXPECT_EQ(Run({"report", "--store", Path("shop"), "--out", Path("r.html"), "--language", "fr"}).exit_status, 2);
  EXPECT_EQ(Run({"report", "--store", Path("missing"), "--out", Path("r.html")}).exit_status, 1);
  EXPECT_EQ(Run({"report", "--store", Path("shop"), "--out", Path("no/such/folder/r.html")}).exit_status, 1);
}

// The probe stands at the end of a copy of the page. It looks at every canvas for more than one colour, at what was
// requested, and at the CSV that a button saves.
constexpr char kProbe[] = R"(<script>
window.setTimeout(() => {
  let drawn = 0;
  for (const canvas of document.querySelectorAll("canvas")) {
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const colours = new Set();
    for (let at = 0; at < data.length; at += 4)
      colours.add(data[at] << 24 ^ data[at + 1] << 16 ^ data[at + 2] << 8 ^ data[at + 3]);
    if (colours.size > 3) ++drawn;
  }
  const probe = document.createElement("p");
  probe.id = "probe";
  const root = document.documentElement;
  probe.textContent = JSON.stringify({
    errors: window.problems, drawn, charts: document.querySelectorAll("canvas").length,
    requests: performance.getEntriesByType("resource").length,
    buttons: document.querySelectorAll("button.csv").length,
    wide: root.scrollWidth > root.clientWidth, csv: window.csv, title: document.title});
  document.body.append(probe);
}, 500);
const create = URL.createObjectURL;
URL.createObjectURL = (blob) => { blob.text().then((text) => { window.csv = text; }); return create(blob); };
HTMLAnchorElement.prototype.click = () => {};
document.querySelector("#top-items button.csv").click();
</script>)";
constexpr char kListen[] = R"(<script>
window.problems = [];
window.addEventListener("error", (event) => problems.push(String(event.message)));
window.addEventListener("securitypolicyviolation", (event) => problems.push("blocked " + event.blockedURI));
for (const level of ["error", "warn"]) console[level] = (...words) => problems.push(words.join(" "));
</script>)";

TEST_F(ReportTest, ABrowserDrawsEveryChartWithoutAnErrorOrARequest) {
  const std::string browser = FindBrowser();
  if (browser.empty()) GTEST_SKIP() << "not run: no Chromium on the path";
  AddHostileEvents();
  for (const char* language : {"en", "zh"}) {
    SCOPED_TRACE(language);
    std::string html = Report({"--language", language});
    ASSERT_THAT(html, HasSubstr("<title>"));
    html.insert(html.find("<title>"), kListen);
    html.insert(html.rfind("</body>"), kProbe);
    const std::string dom = Open(browser, html);
    std::smatch found;
    ASSERT_TRUE(std::regex_search(dom, found, std::regex("<p id=\"probe\">([^<]*)</p>"))) << dom.substr(0, 2000);
    std::string text = std::regex_replace(found[1].str(), std::regex("&lt;"), "<");
    text = std::regex_replace(std::regex_replace(text, std::regex("&gt;"), ">"), std::regex("&amp;"), "&");
    const nlohmann::json probe = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    ASSERT_TRUE(probe.is_object()) << text;
    EXPECT_EQ(probe["errors"], nlohmann::json::array());
    EXPECT_EQ(probe["requests"], 0);
    EXPECT_GE(probe["charts"], 4);
    EXPECT_EQ(probe["drawn"], probe["charts"]);
    EXPECT_GT(probe["buttons"], probe["charts"]);
    EXPECT_EQ(probe["wide"], false);
    EXPECT_NE(probe["title"], "hacked");
    EXPECT_THAT(probe["csv"].get<std::string>(), HasSubstr("'=1+1,"));
  }
}

}  // namespace
}  // namespace waypost::testing_support
