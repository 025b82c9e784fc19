// Runs the tool in a process of its own and keeps what it wrote.
#ifndef WAYPOST_TESTS_CLI_TOOL_HPP_
#define WAYPOST_TESTS_CLI_TOOL_HPP_

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/files.hpp"

namespace waypost::testing_support {

struct ToolResult {
  int exit_status = -1;  // 128 + the signal where one ended it
  std::string out;
  std::string err;
};

inline std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// A folder of this test's own, removed at its end.
class CliTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }

  std::string Write(const std::string& name, const std::string& content) const { return folder_.Write(name, content); }

  // Names of the files in the folder except the captured output, sorted.
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      if (const std::string name = entry.path().filename().string(); !name.starts_with("captured."))
        names.push_back(name);
    std::sort(names.begin(), names.end());
    return names;
  }

  // Starts the tool; Wait ends it. Those that run at the same time are captured under names of their own.
  pid_t Start(const std::vector<std::string>& arguments, const std::string& input = "/dev/null",
              const std::string& name = "captured") const {
    std::vector<char*> argv = {const_cast<char*>(WAYPOST_TOOL)};
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const std::string out = Path(name + ".out"), err = Path(name + ".err");
    const pid_t child = fork();
    if (child != 0) return child;
    const auto redirect = [](const std::string& path, int flags, int to) { dup2(open(path.c_str(), flags, 0600), to); };
    redirect(input, O_RDONLY, STDIN_FILENO);
    redirect(out, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
    redirect(err, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
    execv(WAYPOST_TOOL, argv.data());
    _exit(127);
  }

  ToolResult Wait(pid_t child, const std::string& name = "captured") const {
    int status = 0;
    waitpid(child, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), ReadFile(Path(name + ".out")),
            ReadFile(Path(name + ".err"))};
  }

  ToolResult Run(const std::vector<std::string>& arguments, const std::string& input = "/dev/null") const {
    return Wait(Start(arguments, input));
  }

  // Runs the tool with --json and returns the object; the run must succeed and print one line.
  nlohmann::json RunJson(std::vector<std::string> arguments) const {
    arguments.push_back("--json");
    const ToolResult result = Run(arguments);
    EXPECT_EQ(result.exit_status, 0) << result.err;
    EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 1) << result.out;
    EXPECT_TRUE(result.out.ends_with("\n"));
    return nlohmann::json::parse(result.out, nullptr, /*allow_exceptions=*/false);
  }

 private:
  TemporaryFolder folder_;
};

// "c1" to "c`courses`" for `users` learners: each takes the courses of one of two halves, all but one of them.
inline std::string TwoTribes(int users, int courses) {
  std::string csv = "user,item\n";
  for (int user = 0; user < users; ++user)
    for (int course = user % 2; course < courses; course += 2)
      if (course != (user * 7) % courses) csv += "u" + std::to_string(user) + ",c" + std::to_string(course) + "\n";
  return csv;
}

}  // namespace waypost::testing_support

#endif  // WAYPOST_TESTS_CLI_TOOL_HPP_
