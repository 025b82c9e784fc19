// Waypost's side of the comparison with other libraries. Each subcommand does one job on given data `--repeats` times
// and prints a JSON object a measurement: seconds, cpu_seconds, peak_rss_bytes, threads, simd, and what it achieved.
//
//   train           --train F.csr [--set name=value]... [--test F.csr] [--trajectory 2,4] [--factors PREFIX] [--model
//   F]
//                   a whole iALS training; the last three are not timed: quality after these epochs, the factors in a
//                   file, the model in a file
//   epoch           --train F.csr [--set ...]                one epoch: the differences of the moments epochs end
//   item-knn        --train F.csr [--set ...] [--test F.csr] a whole item-knn training
//   roofline        --train F.csr --dimensions D [--set ...] rows with n >= D solved exactly: multiply-adds a second
//   top-k           --model F --k K[,K] [--queries N]        one query a call; p50
//   recommend-all   --model F --train F.csr --k K[,K]        all users at once, training items left out
//   fold-in         --model F --train F.csr --items N        one history of N items a call; p50
//   open            --model F [--check full|structure]       open and the first answer
//   make-model      --users F.f32 --items F.f32 --dimensions D --out F.waypost     (nothing is timed)
//   evaluate        --train F.csr --test F.csr, --model F | --users F.f32 --items F.f32 --dimensions D |
//                   --similarity F.csr                       recall@20 and ndcg@20 of all users
//   ingest          --csv F                                  a CSV file to ids and matrix
//
// All take --threads N (default: all processors) and --repeats N (default 1). data.hpp has the file formats.
#include <cstdio>
#include <map>
#include <string>
#include <string_view>

#include "arguments.hpp"
#include "commands.hpp"

namespace {

absl::Status Run(int count, char** arguments) {
  using namespace waypost::peers;
  static const std::map<std::string_view, absl::Status (*)(Arguments&)> kCommands = {
      {"train", RunTrain},          {"epoch", RunEpoch},   {"item-knn", RunItemKnn},
      {"roofline", RunRoofline},    {"top-k", RunTopK},    {"recommend-all", RunRecommendAll},
      {"fold-in", RunFoldIn},       {"open", RunOpen},     {"evaluate", RunEvaluate},
      {"make-model", RunMakeModel}, {"ingest", RunIngest}, {"pairs", RunPairs},
  };
  const auto command = kCommands.find(count > 1 ? arguments[1] : "");
  if (command == kCommands.end()) return absl::InvalidArgumentError("want a subcommand; main.cpp lists them");
  WAYPOST_ASSIGN_OR_RETURN(Arguments parsed, Arguments::Parse(count - 2, arguments + 2));
  return command->second(parsed);
}

}  // namespace

int main(int count, char** arguments) {
  const absl::Status status = Run(count, arguments);
  if (status.ok()) return 0;
  std::fprintf(stderr, "waypost_peers: %s\n", status.ToString().c_str());
  return 1;
}
