// cli/text_evaluation.hpp - waypost evaluate --documents --queries --relevant: how well a search finds what is
// relevant.
#ifndef WAYPOST_CLI_TEXT_EVALUATION_HPP_
#define WAYPOST_CLI_TEXT_EVALUATION_HPP_

#include <cstdint>
#include <string>
#include <vector>

#include "console.hpp"
#include "inputs.hpp"
#include "output_flags.hpp"
#include "text_flags.hpp"

namespace waypost::cli {

struct TextEvaluationFlags {
  TextFlags text;
  std::string queries;
  std::string relevant;
};
void AddTextEvaluationFlags(Verb& verb, TextEvaluationFlags& flags);

// Whether any of its files is given.
bool WantsTextEvaluation(const TextEvaluationFlags& flags);

absl::Status RunTextEvaluation(const TextEvaluationFlags& flags, const std::vector<std::string>& settings,
                               const EventFileFlags& input, const std::string& metrics, int threads, std::uint64_t seed,
                               const OutputFlags& output, Console& console);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_TEXT_EVALUATION_HPP_
