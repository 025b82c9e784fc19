#include "command_line.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <optional>
#include <utility>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "suggest.hpp"
#include "waypost/base/status.hpp"
#include "waypost/version.hpp"

namespace waypost::cli {
namespace {

constexpr char kUsagePayload[] = "waypost/usage";
constexpr std::size_t kHelpColumn = 34;

// The parser's own names for types ("TEXT", "UINT") say less than ours, and "REQUIRED" belongs after the name.
class HelpFormatter final : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(kHelpColumn); }

  std::string make_usage(const CLI::App* app, std::string /*name*/) const override {
    if (app->get_parent() == nullptr) return "Usage: waypost VERB [OPTIONS]\n       waypost VERB --help\n";
    const bool in_group = app->get_parent()->get_parent() != nullptr;
    const std::string name = (in_group ? app->get_parent()->get_name() + " " : "") + app->get_name();
    if (!app->get_subcommands([](const CLI::App*) { return true; }).empty())
      return absl::StrCat("Usage: waypost ", name, " SUBJECT [OPTIONS]\n       waypost ", name, " SUBJECT --help\n");
    std::string positionals;
    for (const CLI::Option* option : app->get_options())
      if (option->get_positional()) positionals += " " + option->get_name(true);
    return absl::StrCat("Usage: waypost ", name, positionals, " [OPTIONS]\n");
  }

  std::string make_option_opts(const CLI::Option* option) const override {
    std::string text;
    if (option->get_type_size() != 0 && !option->get_positional()) text += " " + option->get_type_name();
    if (!option->get_default_str().empty() && !option->get_required()) text += " (" + option->get_default_str() + ")";
    if (option->get_required()) text += " required";
    return text;
  }
};

// A bound as people write it: 1000000000, not 1e+09.
std::string Bound(double value) {
  const auto whole = static_cast<std::int64_t>(value);
  return static_cast<double>(whole) == value ? absl::StrCat(whole) : absl::StrCat(value);
}

template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

}  // namespace

absl::Status UsageError(std::string_view message) {
  absl::Status status = absl::InvalidArgumentError(internal::ToAbsl(message));
  status.SetPayload(kUsagePayload, absl::Cord());
  return status;
}

bool IsUsageError(const absl::Status& status) {
  return status.GetPayload(kUsagePayload).has_value();
}

OptionHandle& OptionHandle::Required() {
  option_->required();
  return *this;
}

OptionHandle& OptionHandle::OneOf(std::vector<std::string> choices) {
  std::string names;
  for (const std::string& choice : choices) names += (names.empty() ? "" : "|") + choice;
  option_->type_name(names);
  option_->check(CLI::Validator(
      [choices = std::move(choices), names](std::string& value) {
        if (std::find(choices.begin(), choices.end(), value) != choices.end()) return std::string();
        return absl::StrCat("want ", names, ", got '", value, "'");
      },
      std::string()));
  return *this;
}

OptionHandle& OptionHandle::Between(double low, double high) {
  option_->check(CLI::Validator(
      [low, high](std::string& value) {
        double number = 0;
        if (CLI::detail::lexical_cast(value, number) && number >= low && number <= high) return std::string();
        return absl::StrCat("want a number of ", Bound(low), "..", Bound(high), ", got '", value, "'");
      },
      std::string()));
  return *this;
}

OptionHandle& OptionHandle::Excludes(const OptionHandle& other) {
  option_->excludes(other.option_);
  return *this;
}

OptionHandle& OptionHandle::Group(const std::string& heading) {
  option_->group(heading);
  return *this;
}

bool OptionHandle::given() const {
  return option_->count() > 0;
}

template <typename T>
OptionHandle Verb::Option(const std::string& names, const std::string& value, T& target, const std::string& help) {
  bool show_default = !IsOptional<T>::value;
  if constexpr (std::is_same_v<T, std::string>) show_default = !target.empty();
  CLI::Option* option = app_->add_option(names, target, help);
  if (show_default) option->capture_default_str();
  option->type_name(value);
  return OptionHandle(option);
}

template OptionHandle Verb::Option(const std::string&, const std::string&, std::string&, const std::string&);
template OptionHandle Verb::Option(const std::string&, const std::string&, int&, const std::string&);
template OptionHandle Verb::Option(const std::string&, const std::string&, std::uint64_t&, const std::string&);
template OptionHandle Verb::Option(const std::string&, const std::string&, double&, const std::string&);
template OptionHandle Verb::Option(const std::string&, const std::string&, std::optional<int>&, const std::string&);
template OptionHandle Verb::Option(const std::string&, const std::string&, std::optional<std::string>&,
                                   const std::string&);
template OptionHandle Verb::Option(const std::string&, const std::string&, std::optional<double>&, const std::string&);
template OptionHandle Verb::Option(const std::string&, const std::string&, std::optional<std::uint64_t>&,
                                   const std::string&);

OptionHandle Verb::List(const std::string& names, const std::string& value, std::vector<std::string>& target,
                        const std::string& help) {
  // One value for each occurrence: the parser's own lists read "[a,b]" as two values, which an id may look like.
  // CommandLine::Parse repeats the name before every further value.
  CLI::Option* option = app_->add_option(names, target, help)->allow_extra_args(false)->type_name(value + "...");
  for (std::string_view rest = names; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    lists_.emplace_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return OptionHandle(option);
}

OptionHandle Verb::Flag(const std::string& names, bool& target, const std::string& help) {
  return OptionHandle(app_->add_flag(names, target, help));
}

OptionHandle Verb::Positional(const std::string& value, std::string& target, const std::string& help) {
  positional_ = true;
  return OptionHandle(app_->add_option(value, target, help)->required());
}

OptionHandle Verb::Positionals(const std::string& value, std::vector<std::string>& target, const std::string& help) {
  positional_ = true;
  return OptionHandle(app_->add_option(value, target, help)->type_name(""));
}

void Verb::Notes(const std::string& text) {
  app_->footer(text + (text.empty() ? "" : "\n") + "Example:\n  " + example_);
}

CommandLine::CommandLine() : app_(std::make_unique<CLI::App>("Recommendations for learning platforms", "waypost")) {
  app_->formatter(std::make_shared<HelpFormatter>());
  app_->set_help_flag("-h,--help", "Show this help");
  app_->set_version_flag("--version", "waypost " WAYPOST_VERSION_STRING, "Show the version");
  app_->require_subcommand(1);
  app_->footer("Exit status: 0 ok, 1 the work failed, 2 wrong usage.");
}

CommandLine::~CommandLine() = default;

Verb& CommandLine::Keep(CLI::App* app, std::string name, const std::string& example) {
  verbs_.push_back(std::make_unique<Verb>(app, std::move(name), example));
  verbs_.back()->Notes("");
  return *verbs_.back();
}

Verb& CommandLine::AddVerb(const std::string& name, const std::string& summary, const std::string& example) {
  return Keep(app_->add_subcommand(name, summary), name, example);
}

VerbGroup& CommandLine::AddGroup(const std::string& name, const std::string& summary) {
  CLI::App* app = app_->add_subcommand(name, summary);
  app->require_subcommand(1);
  groups_.push_back(std::make_unique<VerbGroup>(*this, app, name));
  return *groups_.back();
}

Verb& VerbGroup::AddVerb(const std::string& subject, const std::string& summary, const std::string& example) {
  return command_line_.Keep(app_->add_subcommand(subject, summary), name_ + " " + subject, example);
}

// Finds the verb that the arguments begin with; none where they begin with an option.
absl::Status CommandLine::CheckVerb(const std::vector<std::string>& arguments, const Verb*& verb) const {
  if (arguments.empty()) return UsageError("want a verb; see waypost --help");
  const auto group =
      std::find_if(groups_.begin(), groups_.end(), [&](const auto& known) { return known->name_ == arguments[0]; });
  const bool grouped = group != groups_.end();
  if (grouped && arguments.size() == 1)
    return UsageError(absl::StrCat("want a subject; see waypost ", arguments[0], " --help"));
  const std::string& word = arguments[grouped ? 1 : 0];
  const std::string wanted = grouped ? arguments[0] + " " + word : word;
  const auto known = std::find_if(verbs_.begin(), verbs_.end(), [&](const auto& one) { return one->name_ == wanted; });
  verb = known == verbs_.end() ? nullptr : known->get();
  if (verb != nullptr || word.starts_with('-')) return absl::OkStatus();
  std::vector<std::string> names;
  for (const CLI::App* one :
       (grouped ? (*group)->app_ : app_.get())->get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(one->get_name());
  return UsageError(absl::StrCat("unknown ", grouped ? "subject" : "verb", " '", word, "'", Suggestion(word, names),
                                 "; see waypost ", grouped ? arguments[0] + " " : "", "--help"));
}

absl::Status CommandLine::Parse(std::vector<std::string> arguments) {
  const Verb* verb = nullptr;
  WAYPOST_RETURN_IF_ERROR(CheckVerb(arguments, verb));
  if (verb != nullptr && !verb->positional_) {
    std::vector<std::string> expanded;
    std::string list;  // the list option whose values are being read
    int values = 0;
    for (const std::string& argument : arguments) {
      const bool is_list = std::find(verb->lists_.begin(), verb->lists_.end(), argument) != verb->lists_.end();
      if (is_list && !(values == 0 && !list.empty())) {
        list = argument;
        values = 0;
      } else if (!list.empty()) {
        if (values > 0 && argument.size() > 1 && argument[0] == '-') list.clear();
        if (values++ > 0 && !list.empty()) expanded.push_back(list);
      }
      expanded.push_back(argument);
    }
    arguments = std::move(expanded);
  }
  try {
    std::reverse(arguments.begin(), arguments.end());  // the parser takes them from the back
    app_->parse(arguments);
  } catch (const CLI::CallForHelp&) {
    throw;
  } catch (const CLI::CallForVersion&) {
    throw;
  } catch (const CLI::ExtrasError& error) {
    if (verb != nullptr) {
      std::vector<std::string> names;
      for (const CLI::Option* option : verb->app_->get_options())
        for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
      for (const std::string& extra : verb->app_->remaining()) {
        const std::string name = extra.substr(0, extra.find('='));
        if (name.size() > 1 && name[0] == '-')
          return UsageError(
              absl::StrCat("unknown option ", name, Suggestion(name, names), "; see waypost ", verb->name_, " --help"));
      }
    }
    return UsageError(error.what());
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string_view text = error.what();  // "--model: At Most 1 required but received 2"
    const std::size_t most = text.find(": At Most 1 required");
    if (most == std::string_view::npos) return UsageError(text);
    return UsageError(absl::StrCat(internal::ToAbsl(text.substr(0, most)), ": want it once, got it ",
                                   internal::ToAbsl(text.substr(text.rfind(' ') + 1)), " times"));
  } catch (const CLI::ParseError& error) {
    return UsageError(error.what());
  }
  return absl::OkStatus();
}

int CommandLine::Run(int argc, const char* const* argv) {
  std::string name;
  absl::Status status;
  try {
    status = Parse({argv + std::min(argc, 1), argv + argc});
  } catch (const CLI::ParseError& request) {
    return app_->exit(request);  // the help or the version, on standard output
  }
  const Verb* verb = nullptr;
  for (const auto& known : verbs_)
    if (known->app_->parsed()) verb = known.get();
  if (verb != nullptr) name = verb->name_;
  if (status.ok()) {
    Console console(name);
    try {
      status = verb->run_(console);
    } catch (const std::bad_alloc&) {
      status = absl::ResourceExhaustedError("out of memory");
    } catch (const std::exception& error) {
      status = absl::InternalError(error.what());
    }
    if (status.ok()) status = console.Flush();
  }
  if (status.ok()) return 0;
  const std::string line = absl::StrCat("waypost", name.empty() ? "" : " ", name, ": ", status.message(), "\n");
  (void)std::fwrite(line.data(), 1, line.size(), stderr);
  return IsUsageError(status) ? 2 : 1;
}

}  // namespace waypost::cli
