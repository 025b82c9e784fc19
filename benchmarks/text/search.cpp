// Waypost's side of benchmarks/text/run.py: builds an index over lines of text and answers lines of queries.
//
//   waypost_bench_text DOCUMENTS QUERIES THREADS ROUNDS     prints one object of JSON
//
// Words are split as the peers split them: no stemming, no pairs of characters, every query word counts once, k1 1.2, b
// 0.75. Each query asks for 10 documents; the fastest and the middle round count. `checked` queries were compared with
// an answer in which nothing is skipped.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "waypost/text/text_index.hpp"

namespace {

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::vector<std::string> ReadLines(const char* path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: waypost_bench_text DOCUMENTS QUERIES THREADS ROUNDS\n");
    return 2;
  }
  std::vector<waypost::TextDocument> documents;
  for (std::string& line : ReadLines(argv[1])) {
    std::string id = std::to_string(documents.size());
    documents.push_back({std::move(id), {std::move(line)}});
  }
  const std::vector<std::string> queries = ReadLines(argv[2]);
  const waypost::TextIndexOptions options{
      .fields = {{"text", 1}}, .k1 = 1.2f, .b = 0.75f, .k3 = 0, .delta = 0, .pair_weight = 0};
  const waypost::Tokenizer tokenizer = *waypost::Tokenizer::Create({.stemmer = "none"});
  const double begin = Now();
  const absl::StatusOr<waypost::TextIndex> index =
      waypost::TextIndex::Build(documents, options, tokenizer, waypost::Parallelism(std::atoi(argv[3])));
  const double build = Now() - begin;
  if (!index.ok()) {
    std::fprintf(stderr, "%s\n", index.status().ToString().c_str());
    return 1;
  }
  const int rounds = std::atoi(argv[4]);
  std::vector<double> seconds;  // of each round
  std::vector<double> fastest(queries.size(), 1e9);
  std::size_t hits = 0;
  for (int round = 0; round < rounds; ++round) {
    const double first = Now();
    for (std::size_t n = 0; n < queries.size(); ++n) {
      const double start = Now();
      hits += index->Search({.texts = {{queries[n]}}, .n = 10})->size();
      fastest[n] = std::min(fastest[n], Now() - start);
    }
    seconds.push_back(Now() - first);
  }
  std::size_t checked = 0;
  std::size_t differ = 0;
  for (std::size_t n = 0; n < queries.size(); n += 10, ++checked) {
    const auto best = *index->Search({.texts = {{queries[n]}}, .n = 10});
    const auto all = *index->Search({.texts = {{queries[n]}}, .n = documents.size()});
    if (!std::equal(best.begin(), best.end(), all.begin())) ++differ;
  }
  std::sort(seconds.begin(), seconds.end());
  std::sort(fastest.begin(), fastest.end());
  const double count = static_cast<double>(queries.size());
  std::printf(
      "{\"engine\":\"waypost\",\"documents\":%zu,\"build_s\":%.3f,\"index_bytes\":%llu,\"postings\":%llu,"
      "\"queries_per_s\":%.1f,\"queries_per_s_median\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"hits\":%zu,"
      "\"checked\":%zu,\"differ\":%zu}\n",
      index->size(), build, static_cast<unsigned long long>(index->size_bytes()),
      static_cast<unsigned long long>(index->postings()), count / seconds.front(), count / seconds[seconds.size() / 2],
      1e6 * fastest[fastest.size() / 2], 1e6 * fastest[fastest.size() * 99 / 100],
      hits / static_cast<std::size_t>(rounds), checked, differ);
  return 0;
}
