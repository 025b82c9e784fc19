// BM25 over fields as waypost/text/text_index.hpp defines it, in float64, over every document.
#ifndef WAYPOST_TESTS_REFERENCE_NAIVE_BM25_HPP_
#define WAYPOST_TESTS_REFERENCE_NAIVE_BM25_HPP_

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "waypost/text/text_index.hpp"

namespace waypost::reference {

class NaiveBm25 {
 public:
  NaiveBm25(const std::vector<TextDocument>& documents, const TextIndexOptions& options, const Tokenizer& tokenizer)
      : options_(options), tokenizer_(tokenizer) {
    double total = 0;
    for (const TextDocument& document : documents) {
      std::map<std::string, double> frequencies;
      double length = 0;
      for (std::size_t field = 0; field < document.texts.size(); ++field) {
        const double weight = options.fields[field].weight;
        std::map<std::string, int> counts;
        tokenizer.Tokenize(document.texts[field], [&](const Token& token) {
          if (token.kind != TokenKind::kPair) length += weight;
          if (const std::string term = TermOf(token); !term.empty()) ++counts[term];
        });
        for (const auto& [term, count] : counts) frequencies[term] += weight * std::min(count, 255);
      }
      for (const auto& [term, frequency] : frequencies) ++holders_[term];
      documents_.push_back(std::move(frequencies));
      lengths_.push_back(length);
      total += length;
    }
    average_ = documents.empty() ? 0 : total / static_cast<double>(documents.size());
  }

  // The score of every document.
  std::vector<double> Scores(const TextQuery& query) const {
    std::map<std::string, double> wanted;
    for (const QueryText& text : query.texts)
      tokenizer_.Tokenize(text.text, [&](const Token& token) {
        if (const std::string term = TermOf(token); !term.empty()) wanted[term] += text.weight;
      });
    std::vector<double> scores(documents_.size());
    const double k1 = options_.k1, b = options_.b, k3 = options_.k3;
    for (const auto& [term, count] : wanted) {
      const auto holders = holders_.find(term);
      if (holders == holders_.end()) continue;
      const double df = holders->second;
      double idf = std::log(1 + (static_cast<double>(documents_.size()) - df + 0.5) / (df + 0.5));
      if (term.front() == '&') idf *= options_.pair_weight;
      for (std::size_t n = 0; n < documents_.size(); ++n) {
        const auto found = documents_[n].find(term);
        if (found == documents_[n].end()) continue;
        const double tf = found->second;
        const double norm = k1 * (1 - b + b * lengths_[n] / average_);
        scores[n] += idf * (tf * (k1 + 1) / (tf + norm) + options_.delta) * (count * (k3 + 1) / (count + k3));
      }
    }
    return scores;
  }

 private:
  std::string TermOf(const Token& token) const {
    if (token.kind == TokenKind::kPair) return options_.pair_weight == 0 ? "" : "&" + std::string(token.text);
    return tokenizer_.Term(token.text);
  }

  TextIndexOptions options_;
  Tokenizer tokenizer_;
  std::vector<std::map<std::string, double>> documents_;
  std::vector<double> lengths_;
  std::map<std::string, int> holders_;
  double average_ = 0;
};

}  // namespace waypost::reference

#endif  // WAYPOST_TESTS_REFERENCE_NAIVE_BM25_HPP_
