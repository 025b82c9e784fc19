#include "simulate_subjects.hpp"

namespace waypost::cli {
namespace {

const std::array<Topic, kTopics> kTopicTable = {{
    {"python",
     "Python",
     "Python \u7f16\u7a0b",
     "languages",
     {{{"generators", "\u751f\u6210\u5668"},
       {"type hints", "\u7c7b\u578b\u6807\u6ce8"},
       {"packaging", "\u6253\u5305\u53d1\u5e03"},
       {"asyncio", "\u5f02\u6b65\u7f16\u7a0b"},
       {"decorators", "\u88c5\u9970\u5668"},
       {"testing with pytest", "pytest \u6d4b\u8bd5"}}}},
    {"java",
     "Java",
     "Java \u5f00\u53d1",
     "languages",
     {{{"collections", "\u96c6\u5408\u6846\u67b6"},
       {"the JVM", "\u865a\u62df\u673a"},
       {"concurrency", "\u5e76\u53d1"},
       {"Spring", "Spring \u6846\u67b6"},
       {"streams", "\u6d41\u5f0f\u5904\u7406"},
       {"garbage collection", "\u5783\u573e\u56de\u6536"}}}},
    {"cpp",
     "C++",
     "C++ \u7a0b\u5e8f\u8bbe\u8ba1",
     "languages",
     {{{"templates", "\u6a21\u677f"},
       {"memory ownership", "\u5185\u5b58\u6240\u6709\u6743"},
       {"move semantics", "\u79fb\u52a8\u8bed\u4e49"},
       {"concepts", "\u6982\u5ff5\u7ea6\u675f"},
       {"the standard library", "\u6807\u51c6\u5e93"},
       {"build systems", "\u6784\u5efa\u7cfb\u7edf"}}}},
    {"javascript",
     "JavaScript",
     "JavaScript \u5f00\u53d1",
     "languages",
     {{{"closures", "\u95ed\u5305"},
       {"promises", "Promise \u5f02\u6b65"},
       {"modules", "\u6a21\u5757"},
       {"TypeScript", "TypeScript"},
       {"the event loop", "\u4e8b\u4ef6\u5faa\u73af"},
       {"Node.js", "Node.js"}}}},
    {"go",
     "Go",
     "Go \u8bed\u8a00",
     "languages",
     {{{"goroutines", "\u534f\u7a0b"},
       {"channels", "\u901a\u9053"},
       {"interfaces", "\u63a5\u53e3"},
       {"error handling", "\u9519\u8bef\u5904\u7406"},
       {"modules", "\u6a21\u5757\u7ba1\u7406"},
       {"profiling", "\u6027\u80fd\u5256\u6790"}}}},
    {"rust",
     "Rust",
     "Rust \u8bed\u8a00",
     "languages",
     {{{"ownership", "\u6240\u6709\u6743"},
       {"lifetimes", "\u751f\u547d\u5468\u671f"},
       {"traits", "\u7279\u5f81"},
       {"async Rust", "\u5f02\u6b65 Rust"},
       {"macros", "\u5b8f"},
       {"unsafe code", "\u4e0d\u5b89\u5168\u4ee3\u7801"}}}},
    {"sql",
     "SQL",
     "SQL \u4e0e\u6570\u636e\u5e93",
     "data",
     {{{"joins", "\u8fde\u63a5\u67e5\u8be2"},
       {"window functions", "\u7a97\u53e3\u51fd\u6570"},
       {"indexes", "\u7d22\u5f15"},
       {"transactions", "\u4e8b\u52a1"},
       {"query plans", "\u6267\u884c\u8ba1\u5212"},
       {"schema design", "\u8868\u7ed3\u6784\u8bbe\u8ba1"}}}},
    {"analytics",
     "Data Analysis",
     "\u6570\u636e\u5206\u6790",
     "data",
     {{{"pandas", "pandas"},
       {"dashboards", "\u6570\u636e\u770b\u677f"},
       {"A/B tests", "A/B \u6d4b\u8bd5"},
       {"cohorts", "\u7528\u6237\u5206\u7fa4"},
       {"data cleaning", "\u6570\u636e\u6e05\u6d17"},
       {"storytelling", "\u6570\u636e\u53d9\u4e8b"}}}},
    {"statistics",
     "Statistics",
     "\u7edf\u8ba1\u5b66",
     "data",
     {{{"regression", "\u56de\u5f52"},
       {"hypothesis tests", "\u5047\u8bbe\u68c0\u9a8c"},
       {"Bayesian inference", "\u8d1d\u53f6\u65af\u63a8\u65ad"},
       {"survival analysis", "\u751f\u5b58\u5206\u6790"},
       {"experiments", "\u5b9e\u9a8c\u8bbe\u8ba1"},
       {"sampling", "\u62bd\u6837"}}}},
    {"bigdata",
     "Data Engineering",
     "\u6570\u636e\u5de5\u7a0b",
     "data",
     {{{"Spark", "Spark"},
       {"streaming", "\u6d41\u8ba1\u7b97"},
       {"data lakes", "\u6570\u636e\u6e56"},
       {"orchestration", "\u4efb\u52a1\u7f16\u6392"},
       {"Kafka", "Kafka"},
       {"data quality", "\u6570\u636e\u8d28\u91cf"}}}},
    {"ml",
     "Machine Learning",
     "\u673a\u5668\u5b66\u4e60",
     "ai",
     {{{"feature engineering", "\u7279\u5f81\u5de5\u7a0b"},
       {"gradient boosting", "\u68af\u5ea6\u63d0\u5347"},
       {"model evaluation", "\u6a21\u578b\u8bc4\u4f30"},
       {"recommender systems", "\u63a8\u8350\u7cfb\u7edf"},
       {"clustering", "\u805a\u7c7b"},
       {"regularization", "\u6b63\u5219\u5316"}}}},
    {"dl",
     "Deep Learning",
     "\u6df1\u5ea6\u5b66\u4e60",
     "ai",
     {{{"convolutional networks", "\u5377\u79ef\u7f51\u7edc"},
       {"transformers", "Transformer"},
       {"PyTorch", "PyTorch"},
       {"optimization", "\u4f18\u5316\u65b9\u6cd5"},
       {"generative models", "\u751f\u6210\u6a21\u578b"},
       {"training at scale", "\u5927\u89c4\u6a21\u8bad\u7ec3"}}}},
    {"nlp",
     "Natural Language Processing",
     "\u81ea\u7136\u8bed\u8a00\u5904\u7406",
     "ai",
     {{{"tokenization", "\u5206\u8bcd"},
       {"embeddings", "\u8bcd\u5411\u91cf"},
       {"language models", "\u8bed\u8a00\u6a21\u578b"},
       {"question answering", "\u95ee\u7b54\u7cfb\u7edf"},
       {"search", "\u641c\u7d22"},
       {"translation", "\u673a\u5668\u7ffb\u8bd1"}}}},
    {"vision",
     "Computer Vision",
     "\u8ba1\u7b97\u673a\u89c6\u89c9",
     "ai",
     {{{"object detection", "\u76ee\u6807\u68c0\u6d4b"},
       {"segmentation", "\u56fe\u50cf\u5206\u5272"},
       {"OpenCV", "OpenCV"},
       {"face recognition", "\u4eba\u8138\u8bc6\u522b"},
       {"3D reconstruction", "\u4e09\u7ef4\u91cd\u5efa"},
       {"video analysis", "\u89c6\u9891\u5206\u6790"}}}},
    {"linux",
     "Linux",
     "Linux \u7cfb\u7edf",
     "systems",
     {{{"the shell", "\u547d\u4ee4\u884c"},
       {"processes", "\u8fdb\u7a0b\u7ba1\u7406"},
       {"file systems", "\u6587\u4ef6\u7cfb\u7edf"},
       {"kernel modules", "\u5185\u6838\u6a21\u5757"},
       {"networking tools", "\u7f51\u7edc\u5de5\u5177"},
       {"performance tuning", "\u6027\u80fd\u8c03\u4f18"}}}},
    {"networks",
     "Computer Networks",
     "\u8ba1\u7b97\u673a\u7f51\u7edc",
     "systems",
     {{{"TCP", "TCP \u534f\u8bae"},
       {"HTTP", "HTTP \u534f\u8bae"},
       {"routing", "\u8def\u7531"},
       {"DNS", "\u57df\u540d\u89e3\u6790"},
       {"load balancing", "\u8d1f\u8f7d\u5747\u8861"},
       {"packet analysis", "\u6293\u5305\u5206\u6790"}}}},
    {"cloud",
     "Cloud Computing",
     "\u4e91\u8ba1\u7b97",
     "systems",
     {{{"containers", "\u5bb9\u5668"},
       {"Kubernetes", "Kubernetes"},
       {"serverless", "\u65e0\u670d\u52a1\u5668"},
       {"storage", "\u4e91\u5b58\u50a8"},
       {"cost control", "\u6210\u672c\u63a7\u5236"},
       {"identity", "\u8eab\u4efd\u7ba1\u7406"}}}},
    {"devops",
     "DevOps",
     "DevOps \u5b9e\u8df5",
     "systems",
     {{{"continuous integration", "\u6301\u7eed\u96c6\u6210"},
       {"monitoring", "\u76d1\u63a7"},
       {"infrastructure as code", "\u57fa\u7840\u8bbe\u65bd\u5373\u4ee3\u7801"},
       {"Git", "Git"},
       {"incident response", "\u6545\u969c\u54cd\u5e94"},
       {"deployment", "\u90e8\u7f72"}}}},
    {"security",
     "Security",
     "\u7f51\u7edc\u5b89\u5168",
     "systems",
     {{{"cryptography", "\u5bc6\u7801\u5b66"},
       {"web security", "Web \u5b89\u5168"},
       {"penetration tests", "\u6e17\u900f\u6d4b\u8bd5"},
       {"authentication", "\u8ba4\u8bc1"},
       {"reverse engineering", "\u9006\u5411\u5de5\u7a0b"},
       {"threat models", "\u5a01\u80c1\u5efa\u6a21"}}}},
    {"frontend",
     "Web Frontend",
     "\u524d\u7aef\u5f00\u53d1",
     "web",
     {{{"React", "React"},
       {"Vue", "Vue"},
       {"CSS layout", "CSS \u5e03\u5c40"},
       {"accessibility", "\u65e0\u969c\u788d"},
       {"state management", "\u72b6\u6001\u7ba1\u7406"},
       {"web performance", "\u7f51\u9875\u6027\u80fd"}}}},
    {"backend",
     "Web Backend",
     "\u540e\u7aef\u5f00\u53d1",
     "web",
     {{{"REST APIs", "REST \u63a5\u53e3"},
       {"caching", "\u7f13\u5b58"},
       {"message queues", "\u6d88\u606f\u961f\u5217"},
       {"microservices", "\u5fae\u670d\u52a1"},
       {"authorization", "\u6743\u9650\u63a7\u5236"},
       {"system design", "\u7cfb\u7edf\u8bbe\u8ba1"}}}},
    {"mobile",
     "Mobile Apps",
     "\u79fb\u52a8\u5e94\u7528\u5f00\u53d1",
     "web",
     {{{"Android", "Android"},
       {"iOS", "iOS"},
       {"Flutter", "Flutter"},
       {"offline storage", "\u79bb\u7ebf\u5b58\u50a8"},
       {"push messages", "\u6d88\u606f\u63a8\u9001"},
       {"app testing", "\u5e94\u7528\u6d4b\u8bd5"}}}},
    {"algorithms",
     "Algorithms",
     "\u7b97\u6cd5\u4e0e\u6570\u636e\u7ed3\u6784",
     "theory",
     {{{"graphs", "\u56fe\u7b97\u6cd5"},
       {"dynamic programming", "\u52a8\u6001\u89c4\u5212"},
       {"hashing", "\u54c8\u5e0c"},
       {"sorting", "\u6392\u5e8f"},
       {"trees", "\u6811\u7ed3\u6784"},
       {"complexity", "\u590d\u6742\u5ea6"}}}},
    {"mathematics",
     "Mathematics",
     "\u6570\u5b66\u57fa\u7840",
     "theory",
     {{{"linear algebra", "\u7ebf\u6027\u4ee3\u6570"},
       {"calculus", "\u5fae\u79ef\u5206"},
       {"probability", "\u6982\u7387\u8bba"},
       {"discrete mathematics", "\u79bb\u6563\u6570\u5b66"},
       {"optimization theory", "\u6700\u4f18\u5316\u7406\u8bba"},
       {"numerical methods", "\u6570\u503c\u65b9\u6cd5"}}}},
}};

const Goal kGoals[] = {
    {"backend engineer", {{1, 3}, {4, 2}, {6, 2}, {20, 3}, {17, 1}}},
    {"frontend engineer", {{3, 3}, {19, 3}, {20, 1}, {21, 1}}},
    {"full-stack developer", {{3, 2}, {0, 1.5}, {19, 2}, {20, 2}, {6, 1}}},
    {"data analyst", {{6, 3}, {7, 3}, {8, 2}, {0, 1.5}}},
    {"data engineer", {{9, 3}, {6, 2}, {0, 2}, {16, 1.5}, {1, 1}}},
    {"machine learning engineer", {{10, 3}, {0, 2}, {11, 2}, {8, 1}, {23, 1}}},
    {"language technology researcher", {{12, 3}, {11, 2.5}, {0, 1}, {23, 1}}},
    {"vision engineer", {{13, 3}, {11, 2}, {2, 1.5}, {23, 1}}},
    {"systems programmer", {{2, 3}, {5, 2}, {14, 2}, {22, 1.5}}},
    {"site reliability engineer", {{14, 2}, {16, 3}, {17, 3}, {15, 1.5}, {4, 1}}},
    {"security analyst", {{18, 3}, {15, 2.5}, {14, 1.5}, {0, 0.7}}},
    {"mobile developer", {{21, 3}, {1, 1.5}, {3, 1}, {19, 1}}},
    {"computer science student", {{22, 3}, {23, 2.5}, {1, 1}, {2, 1.5}, {15, 1}}},
    {"career changer", {{0, 3}, {19, 1}, {7, 1.5}, {6, 1}}},
};

constexpr std::string_view kLevelNames[kLevels] = {"beginner", "elementary", "intermediate", "advanced", "expert"};

constexpr Bilingual kTitles1[] = {
    {"{T} for Beginners", "{T}\u5165\u95e8"},
    {"First Steps in {T}", "{T}\u96f6\u57fa\u7840\u8d77\u6b65"},
    {"A Gentle Start with {C} in {T}", "{T}\u8f7b\u677e\u4e0a\u624b\uff1a{C}"},
};
constexpr Bilingual kTitles2[] = {
    {"{T} Fundamentals", "{T}\u57fa\u7840"},
    {"Understanding {C} in {T}", "\u7406\u89e3{T}\u4e2d\u7684{C}"},
    {"{T} by Example: {C}", "{T}\u5b9e\u4f8b\uff1a{C}"},
};
constexpr Bilingual kTitles3[] = {
    {"Practical {T}: {C}", "{T}\u5b9e\u6218\uff1a{C}"},
    {"{C} in {T}, Project by Project", "{T}\u9879\u76ee\u5b9e\u8df5\uff1a{C}"},
    {"Working with {C} in {T}", "{T}\u5e94\u7528\uff1a{C}"},
};
constexpr Bilingual kTitles4[] = {
    {"Advanced {T}: {C}", "{T}\u8fdb\u9636\uff1a{C}"},
    {"Mastering {C} in {T}", "\u7cbe\u901a{T}\uff1a{C}"},
};
constexpr Bilingual kTitles5[] = {
    {"{T} Internals: {C}", "{T}\u539f\u7406\u5256\u6790\uff1a{C}"},
    {"{C} at Scale with {T}", "\u5927\u89c4\u6a21{T}\uff1a{C}"},
};
constexpr Bilingual kQuestions[] = {
    {"How do {C} and {D} differ in {T}?", "\u5728{T}\u4e2d\uff0c{C}\u548c{D}\u6709\u4ec0\u4e48\u533a\u522b\uff1f"},
    {"When should I use {C} in {T}?",
     "\u5b66\u4e60{T}\u65f6\uff0c\u4ec0\u4e48\u60c5\u51b5\u4e0b\u5e94\u8be5\u4f7f\u7528{C}\uff1f"},
    {"Why is my {T} exercise on {C} so slow?",
     "\u4e3a\u4ec0\u4e48\u6211\u7684{T}\u7ec3\u4e60\uff08{C}\uff09\u8fd0\u884c\u5f88\u6162\uff1f"},
    {"What should I know about {C} before {D}?",
     "\u5b66\u4e60{D}\u4e4b\u524d\uff0c\u9700\u8981\u4e86\u89e3{C}\u7684\u54ea\u4e9b\u5185\u5bb9\uff1f"},
    {"Is there a simple example of {C} in {T}?", "{T}\u4e2d\u6709\u6ca1\u6709{C}\u7684\u7b80\u5355\u4f8b\u5b50\uff1f"},
};
constexpr Bilingual kAnswers[] = {
    {"Start from {C}: write the smallest example that shows it, then compare it with {D}.",
     "\u5148\u4ece{C}\u5165\u624b\uff1a\u5199\u4e00\u4e2a\u6700\u5c0f\u7684\u4f8b\u5b50\uff0c\u518d\u4e0e{D}"
     "\u6bd4\u8f83\u3002"},
    {"Measure first. In {T} the usual cause is how {C} is used; the lesson on {D} shows the remedy.",
     "\u5148\u6d4b\u91cf\u3002\u5728{T}\u4e2d\uff0c\u5e38\u89c1\u539f\u56e0\u662f{C}\u7684\u7528\u6cd5\uff1b{D}"
     "\u4e00\u8bfe\u8bb2\u4e86\u89e3\u51b3\u529e\u6cd5\u3002"},
    {"Use {C} when the data is small and {D} when it grows; the course has an exercise for both.",
     "\u6570\u636e\u5c0f\u65f6\u7528{C}\uff0c\u6570\u636e\u53d8\u5927\u540e\u7528{D}"
     "\uff1b\u8bfe\u7a0b\u91cc\u4e24\u8005\u90fd\u6709\u7ec3\u4e60\u3002"},
};

}  // namespace

const std::array<Topic, kTopics>& Topics() {
  return kTopicTable;
}

std::span<const Goal> Goals() {
  return kGoals;
}

std::string_view LevelName(int level) {
  return kLevelNames[level - 1];
}

std::span<const Bilingual> TitlePatterns(int level) {
  switch (level) {
    case 1:
      return kTitles1;
    case 2:
      return kTitles2;
    case 3:
      return kTitles3;
    case 4:
      return kTitles4;
    default:
      return kTitles5;
  }
}

std::span<const Bilingual> QuestionPatterns() {
  return kQuestions;
}

std::span<const Bilingual> AnswerPatterns() {
  return kAnswers;
}

std::string FillPattern(std::string_view pattern, std::string_view topic, std::string_view concept_name,
                        std::string_view other_concept) {
  std::string text;
  for (std::size_t at = 0; at < pattern.size();) {
    if (pattern[at] == '{' && at + 2 < pattern.size()) {
      const char name = pattern[at + 1];
      text += name == 'T' ? topic : name == 'C' ? concept_name : other_concept;
      at += 3;
    } else {
      text += pattern[at++];
    }
  }
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  if (text.size() > 1 && lower(text[0]) && (lower(text[1]) || text[1] == ' '))
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

}  // namespace waypost::cli
