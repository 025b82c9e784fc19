// Finds the real data sets that some tests run on. They are no part of the project: a test that needs one says
// `not run: ...` and is skipped where it is absent.
#ifndef WAYPOST_TESTS_SUPPORT_DATA_HPP_
#define WAYPOST_TESTS_SUPPORT_DATA_HPP_

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>

namespace waypost::testing_support {

// The path of a data file or folder, given as "cf-gowalla/train.txt.gz", or nothing where it is absent. Looked for in
// $WAYPOST_DATA, then in ../shared/data beside the source folder and beside its parents (a work tree may lie deeper).
inline std::optional<std::string> FindData(const std::string& name) {
  std::vector<std::filesystem::path> roots;
  if (const char* root = std::getenv("WAYPOST_DATA")) {
    roots.emplace_back(root);
  } else {
    std::filesystem::path folder = WAYPOST_SOURCE_DIR;
    for (; folder.has_relative_path(); folder = folder.parent_path())
      roots.push_back(folder.parent_path() / "shared" / "data");
  }
  for (const std::filesystem::path& root : roots) {
    std::error_code ignored;
    if (std::filesystem::exists(root / name, ignored)) return (root / name).string();
  }
  return std::nullopt;
}

}  // namespace waypost::testing_support

// Declares `const std::string variable`, the path of a data file, or skips the test.
#define WAYPOST_FIND_DATA_OR_SKIP(variable, name)                                       \
  const std::string variable = ::waypost::testing_support::FindData(name).value_or(""); \
  if (variable.empty()) GTEST_SKIP() << "not run: " << (name) << " is absent (WAYPOST_DATA)"

#endif  // WAYPOST_TESTS_SUPPORT_DATA_HPP_
