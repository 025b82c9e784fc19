#include "simulate_files.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <string_view>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "text_file.hpp"
#include "waypost/event/kinds.hpp"

namespace waypost::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kTopCourses = 20;
constexpr int kFormat = 1;  // of truth.json

std::string IsoTime(std::int64_t time_s) {
  const std::chrono::sys_seconds moment{std::chrono::seconds(time_s)};
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(moment - day);
  return absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                         static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                         clock.minutes().count(), clock.seconds().count());
}

// Four decimals say all that is known of a planted number and keep the file readable.
double Rounded(double number) {
  return std::round(number * 1e4) / 1e4;
}

const char* LanguageTag(Language language) {
  return language == Language::kEnglish ? "en" : language == Language::kChinese ? "zh" : "en,zh";
}

Json Parameters(const Community& community) {
  const PlantedParameters& p = community.parameters;
  return {
      {"growth",
       {{"capacity", p.growth_capacity}, {"rate_per_day", p.growth_rate_per_day}, {"initial", p.growth_initial}}},
      {"affinity",
       {{"topic_weight", p.topic_weight},
        {"style_weight", p.style_weight},
        {"level_weight", p.level_weight},
        {"language_penalty", p.language_penalty},
        {"prerequisite_penalty", p.prerequisite_penalty}}},
      {"hazard_per_week",
       {{"intercept", p.hazard_intercept},
        {"idle_weeks", p.hazard_idle_weeks},
        {"paid", p.hazard_paid},
        {"disappointments", p.hazard_disappointments},
        {"completed", p.hazard_completed}}},
      {"payment",
       {{"intercept", p.payment_intercept},
        {"willingness", p.payment_willingness},
        {"price", p.payment_price},
        {"completed", p.payment_completed}}},
  };
}

template <std::size_t n>
Json RoundedList(const std::array<double, n>& numbers) {
  Json list = Json::array();
  for (double number : numbers) list.push_back(Rounded(number));
  return list;
}

// Topics whose number is worth telling, by tag.
Json ByTopic(const std::array<double, kTopics>& numbers) {
  Json object = Json::object();
  for (std::size_t t = 0; t < kTopics; ++t)
    if (numbers[t] >= 0.005) object[std::string(Topics()[t].tag)] = Rounded(numbers[t]);
  return object;
}

Json LearnerTruth(const Community& community, std::size_t user) {
  const Learner& learner = community.learners[user];
  const std::vector<double> affinity = PlantedAffinity(community, user);
  std::vector<std::size_t> order(affinity.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t top = std::min(kTopCourses, order.size());
  std::partial_sort(
      order.begin(), order.begin() + static_cast<std::ptrdiff_t>(top), order.end(),
      [&](std::size_t a, std::size_t b) { return affinity[a] != affinity[b] ? affinity[a] > affinity[b] : a < b; });
  Json courses = Json::array();
  for (std::size_t n = 0; n < top; ++n)
    courses.push_back({community.courses[order[n]].id, Rounded(affinity[order[n]])});
  return {{"user", learner.id},
          {"goal", std::string(Goals()[learner.goal].name)},
          {"arrived", IsoTime(learner.arrived_s)},
          {"departed", learner.departed_s ? Json(IsoTime(*learner.departed_s)) : Json()},
          {"sessions_per_week", Rounded(learner.sessions_per_week)},
          {"willingness", Rounded(learner.willingness)},
          {"interests", ByTopic(learner.interests)},
          {"level_start", ByTopic(learner.ability_start)},
          {"level_end", ByTopic(learner.ability_end)},
          {"style", RoundedList(learner.style)},
          {"top_courses", std::move(courses)}};
}

}  // namespace

std::string EventsCsv(const Community& community) {
  const KindTable kinds;
  std::string text = "user,item,kind,value,time\n";
  text.reserve(text.size() + 48 * community.events.size());
  for (const SimulatedEvent& event : community.events) {
    absl::StrAppend(&text, community.learners[event.user].id, ",", community.courses[event.course].id, ",",
                    kinds.at(event.kind).name, ",");
    if (event.value) absl::StrAppend(&text, *event.value);
    absl::StrAppend(&text, ",", IsoTime(event.time_s), "\n");
  }
  return text;
}

std::string CatalogueJsonLines(const Community& community) {
  std::string text;
  for (const Course& course : community.courses) {
    Json prerequisites = Json::array();
    for (std::size_t p : course.prerequisites) prerequisites.push_back(community.courses[p].id);
    const Json line = {{"id", course.id},
                       {"type", "course"},
                       {"title", course.title},
                       {"texts", {course.text_en, course.text_zh}},
                       {"tags", course.tags},
                       {"category", std::string(Topics()[course.topic].area)},
                       {"level", std::string(LevelName(course.level))},
                       {"language", LanguageTag(course.language)},
                       {"author", course.author},
                       {"price", course.price},
                       {"prerequisites", std::move(prerequisites)},
                       {"available_from", IsoTime(course.published_s)},
                       {"published", IsoTime(course.published_s)}};
    absl::StrAppend(&text, line.dump(), "\n");
  }
  return text;
}

std::string UsersCsv(const Community& community) {
  std::string text = "user,time,language,goal,hours_per_week\n";
  for (const Learner& learner : community.learners)
    absl::StrAppend(&text, learner.id, ",", IsoTime(learner.arrived_s), ",\"", LanguageTag(learner.language), "\",",
                    std::string(Goals()[learner.goal].name), ",", learner.hours_per_week, "\n");
  return text;
}

std::string QuestionsJsonLines(const Community& community) {
  std::string text;
  for (const Question& question : community.questions) {
    Json line = {{"id", question.id}, {"title", question.title}, {"body", question.body}, {"tags", question.tags}};
    if (question.answers.empty()) absl::StrAppend(&text, line.dump(), "\n");
    for (const Answer& answer : question.answers) {
      line["answer_id"] = answer.id;
      line["answer"] = answer.text;
      line["accepted"] = answer.accepted;
      absl::StrAppend(&text, line.dump(), "\n");
    }
  }
  return text;
}

std::string TruthJson(const Community& community, const Parallelism& parallelism) {
  const Json head = {{"format", kFormat},
                     {"options",
                      {{"users", community.options.users},
                       {"courses", community.options.courses},
                       {"days", community.options.days},
                       {"seed", community.options.seed}}},
                     {"begin", IsoTime(community.begin_s)},
                     {"end", IsoTime(community.end_s)},
                     {"parameters", Parameters(community)}};
  std::string text = head.dump();
  text.back() = ',';  // the object goes on, one course and one learner a line
  absl::StrAppend(&text, "\n\"courses\": [");
  for (std::size_t c = 0; c < community.courses.size(); ++c) {
    const Course& course = community.courses[c];
    Json topics = {std::string(Topics()[course.topic].tag)};
    if (course.second_topic) topics.push_back(std::string(Topics()[*course.second_topic].tag));
    const Json line = {{"item", course.id},
                       {"topics", std::move(topics)},
                       {"level", course.level},
                       {"appeal", Rounded(course.appeal)},
                       {"style", RoundedList(course.style)}};
    absl::StrAppend(&text, c == 0 ? "\n" : ",\n", line.dump());
  }
  absl::StrAppend(&text, "],\n\"users\": [");
  std::vector<std::string> lines(community.learners.size());
  ForEachBlock(parallelism, lines.size(), 64, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t user = begin; user < end; ++user) lines[user] = LearnerTruth(community, user).dump();
  });
  for (std::size_t user = 0; user < lines.size(); ++user) absl::StrAppend(&text, user == 0 ? "\n" : ",\n", lines[user]);
  absl::StrAppend(&text, "]}\n");
  return text;
}

absl::Status WriteCommunity(const Community& community, const std::string& folder, const Parallelism& parallelism) {
  const std::filesystem::path path(folder);
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return absl::UnavailableError(absl::StrCat(folder, ": ", error.message()));
  WAYPOST_RETURN_IF_ERROR(WriteTextFile(path / "events.csv", EventsCsv(community)));
  WAYPOST_RETURN_IF_ERROR(WriteTextFile(path / "catalog.jsonl", CatalogueJsonLines(community)));
  WAYPOST_RETURN_IF_ERROR(WriteTextFile(path / "users.csv", UsersCsv(community)));
  WAYPOST_RETURN_IF_ERROR(WriteTextFile(path / "questions.jsonl", QuestionsJsonLines(community)));
  return WriteTextFile(path / "truth.json", TruthJson(community, parallelism));
}

}  // namespace waypost::cli
