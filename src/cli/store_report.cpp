// cli/store_report.cpp - waypost report: one page about what a store holds.
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "commands.hpp"
#include "store_flags.hpp"
#include "store_impressions.hpp"
#include "text_file.hpp"
#include "waypost/report/community.hpp"
#include "waypost/report/page.hpp"

namespace waypost::cli {
namespace {

struct Options {
  StoreFlags store;
  std::string out;
  std::string language = "en";
  std::string title;
  std::optional<std::string> now;
};

absl::Status RunReport(const Options& options, Console& console) {
  CommunityReportOptions report{.language = options.language == "zh" ? Language::kChinese : Language::kEnglish,
                                .title = options.title,
                                .parallelism = Parallelism(options.store.threads)};
  if (options.now) {
    WAYPOST_ASSIGN_OR_RETURN(report.now_us, ParseTimeFlag("--now", *options.now, {}));
  } else {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    report.now_us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  }
  WAYPOST_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.store, StoreAccess::kRead));
  WAYPOST_ASSIGN_OR_RETURN(const StoreSnapshot snapshot, store->Snapshot());
  WAYPOST_ASSIGN_OR_RETURN(const EventLog events, snapshot.ReadLog(Parallelism(options.store.threads)));
  WAYPOST_ASSIGN_OR_RETURN(const Catalogue catalogue, snapshot.ReadCatalogue());
  WAYPOST_ASSIGN_OR_RETURN(const UserTable users, snapshot.ReadUserTable());
  WAYPOST_ASSIGN_OR_RETURN(const StoredImpressions stored, ReadStoredImpressions(snapshot, events));
  console.Note(Count(events.size(), "event") + ", " + Count(catalogue.size(), "catalogue item"));
  WAYPOST_ASSIGN_OR_RETURN(const Page page, CommunityPage({events, catalogue, users, stored.shown}, report));
  WAYPOST_ASSIGN_OR_RETURN(const std::string html, RenderPage(page));
  WAYPOST_RETURN_IF_ERROR(WriteTextFile(options.out, html));
  Facts facts(options.store, console);
  facts.Member("file", options.out);
  facts.Member("bytes", html.size());
  facts.Member("sections", page.sections.size());
  facts.Member("events", events.size());
  facts.Line(options.out + ": " + Count(page.sections.size(), "section") + ", " + Digits(html.size()) + " bytes");
  facts.End();
  return absl::OkStatus();
}

}  // namespace

void AddReport(CommandLine& command_line) {
  auto options = std::make_shared<Options>();
  Verb& verb = command_line.AddVerb("report", "Draw what a store holds as one page that stands alone",
                                    "waypost report --store shop --out report.html");
  AddStoreFlags(verb, options->store);
  verb.Option("--out", "FILE", options->out, "The HTML page to write").Required();
  verb.Option("--language", "LANGUAGE", options->language, "Of the page").OneOf({"en", "zh"});
  verb.Option("--title", "TEXT", options->title, "Its heading; a general one without");
  verb.Option("--now", "TIME", options->now, "The moment of the report; the present without. Same time, same bytes");
  verb.Notes(
      "The page loads nothing and sends nothing. Every chart has its table, which is read without JavaScript too, and "
      "a\n"
      "CSV of it. Events later than --now take no part in anything over time and are reported.\n");
  verb.Runs([options](Console& console) { return RunReport(*options, console); });
}

}  // namespace waypost::cli
