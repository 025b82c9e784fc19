// peers/program/arguments.hpp - "--name value" arguments, given in any order.
#ifndef WAYPOST_BENCHMARKS_PEERS_PROGRAM_ARGUMENTS_HPP_
#define WAYPOST_BENCHMARKS_PEERS_PROGRAM_ARGUMENTS_HPP_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/model/model_spec.hpp"

namespace waypost::peers {

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class Arguments {
 public:
  // Errors  kInvalidArgument: an argument that does not begin with --, or has no value.
  static absl::StatusOr<Arguments> Parse(int count, char** arguments);

  // The value of --name. Errors  kInvalidArgument: not given, or no number.
  absl::StatusOr<std::string> Text(const std::string& name);
  absl::StatusOr<std::size_t> Count(const std::string& name, std::optional<std::size_t> otherwise = {});
  // Numbers separated by commas.
  absl::StatusOr<std::vector<std::size_t>> Counts(const std::string& name, const std::string& otherwise);
  // Empty where it was not given.
  std::string TextOr(const std::string& name, std::string otherwise = {});
  // The options of --set name=value, which may be given many times, and --model-kind.
  absl::StatusOr<ModelOptions> Options(const std::string& kind);

  // Errors  kInvalidArgument: an argument that nobody asked for.
  absl::Status CheckAllUsed() const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
  std::set<std::string> used_;
};

}  // namespace waypost::peers

#endif  // WAYPOST_BENCHMARKS_PEERS_PROGRAM_ARGUMENTS_HPP_
