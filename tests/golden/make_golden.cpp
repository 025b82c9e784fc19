// Wrote the golden model files: waypost_make_golden FOLDER. Kept to show what they hold; refuses to change a file.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "golden/results.hpp"
#include "support/bundles.hpp"
#include "waypost/file/model_bundle.hpp"

int main(int argc, char** argv) {
  using waypost::testing_support::BundleShape;
  if (argc != 2) return std::fputs("want one folder\n", stderr), 2;
  const std::vector<std::pair<std::string, BundleShape>> files = {
      {"1.0-popularity", {.users = 2, .items = 2, .kinds = {"popularity"}, .titles = false}},
      {"1.0-item-knn", {.kinds = {"item-knn"}}},
      {"1.0-ials", {.kinds = {"ials"}}},
      {"1.0-all", {.users = 12, .items = 9, .dimensions = 5, .kinds = {"popularity", "item-knn", "ials"}}},
      {"1.1-ials", {.users = 3, .items = 300, .dimensions = 5, .kinds = {"ials"}, .titles = false}},
      {"1.2-ease", {.kinds = {"ease"}}},
      {"1.2-pairwise", {.users = 12, .items = 9, .dimensions = 5, .kinds = {"bpr", "warp"}, .titles = false}},
      {"1.2-graph-filters", {.users = 12, .items = 9, .dimensions = 5, .kinds = {"gf-cf", "bspm"}, .titles = false}},
      {"1.2-blend", {.users = 12, .items = 9, .kinds = {"popularity", "blend"}, .titles = false}},
      {"1.2-explicit", {.users = 12, .items = 9, .dimensions = 5, .kinds = {"explicit-als"}, .titles = false}},
      {"1.2-user-knn", {.users = 12, .items = 9, .kinds = {"user-knn"}, .titles = false}},
      {"1.2-logistic",
       {.users = 12, .items = 9, .dimensions = 5, .kinds = {"logistic-mf"}, .titles = false, .background = 5}},
      {"1.2-features",
       {.users = 12, .items = 9, .dimensions = 5, .kinds = {"ials"}, .titles = false, .features = true}},
      {"1.2-sparse", {.users = 12, .items = 9, .kinds = {"sparse-ease", "slim", "rp3beta"}, .titles = false}},
  };
  for (const auto& [name, shape] : files) {
    const std::filesystem::path path = std::filesystem::path(argv[1]) / name;
    if (std::filesystem::exists(path.string() + ".waypost")) continue;
    const waypost::ModelBundle bundle = waypost::testing_support::SmallBundle(shape);
    if (const absl::Status status = waypost::SaveBundle(bundle, path.string() + ".waypost"); !status.ok())
      return std::fprintf(stderr, "%s\n", status.ToString().c_str()), 1;
    const absl::StatusOr<waypost::ModelBundle> opened = waypost::OpenBundle(path.string() + ".waypost");  // with parts
    if (!opened.ok()) return std::fprintf(stderr, "%s\n", opened.status().ToString().c_str()), 1;
    std::ofstream(path.string() + ".txt") << waypost::golden::ResultsOf(*opened);
  }
  return 0;
}
