// cli/inspect.cpp - waypost inspect and waypost verify: what a model file holds and whether it is sound.
#include "waypost/file/inspect.hpp"

#include <filesystem>
#include <memory>
#include <system_error>

#include "commands.hpp"
#include "inputs.hpp"
#include "json_writer.hpp"
#include "models.hpp"
#include "output_flags.hpp"
#include "retention.hpp"
#include "table.hpp"
#ifdef WAYPOST_STORE
#include "waypost/store/verify.hpp"
#endif

namespace waypost::cli {
namespace {

struct Options {
  std::string file;
  OutputFlags output;
};

void WriteStrings(JsonWriter& json, const std::vector<std::string>& strings) {
  json.BeginArray();
  for (const std::string& text : strings) json.Value(text);
  json.EndArray();
}

std::string OwnerName(const BundleInfo& info, const SectionInfo& section) {
  if (section.model == 0) return "";
  return section.model <= info.models.size() ? info.models[section.model - 1].name
                                             : "model " + std::to_string(section.model);
}

void WriteSections(JsonWriter& json, const BundleInfo& info) {
  json.BeginArray();
  for (const SectionInfo& section : info.sections) {
    json.BeginObject();
    json.Member("name", section.name);
    json.Member("model", OwnerName(info, section));
    json.Member("type", section.type);
    json.Member("offset", section.offset);
    json.Member("size", section.size);
    json.Member("checksum", section.checksum);
    json.EndObject();
  }
  json.EndArray();
}

// What inspect and verify both end with.
void EndCheckedFile(JsonWriter& json, const BundleInfo& info, Console& console) {
  json.Key("sections");
  WriteSections(json, info);
  json.Key("problems");
  WriteStrings(json, info.problems);
  WriteRunFacts(json, console, /*threads=*/1, std::nullopt);
  json.EndObject();
  console.Write("\n");
}

void WriteInspectJson(const BundleInfo& info, Console& console) {
  JsonWriter json(console);
  json.BeginObject();
  json.Member("file_size", info.file_size);
  json.Member("format", std::to_string(info.version_major) + "." + std::to_string(info.version_minor));
  json.Member("writer", info.writer);
  json.Member("users", info.users);
  json.Member("items", info.items);
  json.Member("titles", info.has_titles);
  json.Member("history", info.has_history);
  json.Member("default_model", info.default_model);
  json.Key("models");
  json.BeginArray();
  for (const ModelInfo& model : info.models) {
    json.BeginObject();
    json.Member("name", model.name);
    json.Member("kind", model.kind);
    json.Key("options");
    WriteSettings(json, model.options);
    json.Key("parameters");
    WriteSettings(json, model.parameters);
    json.Member("bytes", model.size_bytes);
    json.EndObject();
  }
  json.EndArray();
  json.Key("facts");
  json.BeginObject();
  json.Member("events", info.facts.events);
  json.Member("users", info.facts.users);
  json.Member("items", info.facts.items);
  json.Member("pairs", info.facts.pairs);
  json.Key("settings");
  json.BeginArray();  // a name may occur twice
  for (const auto& [name, value] : info.facts.settings) json.Value(name + "=" + value);
  json.EndArray();
  json.EndObject();
  EndCheckedFile(json, info, console);
}

std::string Join(const Settings& settings) {
  std::string text;
  for (const auto& [name, value] : settings) text += (text.empty() ? "" : " ") + name + "=" + value;
  return text;
}

void WriteInspectTables(const BundleInfo& info, TableFormat format, Console& console) {
  Table facts({{"fact"}, {"value"}});
  facts.AddRow({"file size", Count(info.file_size, "byte")});
  // Of a damaged file, what could not be read is left out rather than shown as zero.
  if (info.version_major > 0)
    facts.AddRow({"format", std::to_string(info.version_major) + "." + std::to_string(info.version_minor)});
  if (!info.models.empty()) {
    facts.AddRow({"written by", "waypost " + info.writer});
    facts.AddRow({"trained on", Count(info.facts.events, "event") + ", " + Count(info.facts.pairs, "pair")});
    facts.AddRow({"weighting", Join(info.facts.settings)});
    facts.AddRow({"users", Digits(info.users) + (info.has_history ? "" : " (without histories)")});
    facts.AddRow({"items", Digits(info.items) + (info.has_titles ? " (with titles)" : "")});
    facts.AddRow({"default model", info.default_model});
  }
  facts.Write(console, format);
  if (!info.models.empty()) {
    console.Write("\n");
    Table models({{"model"}, {"kind"}, {"bytes", true}, {"options"}});
    for (const ModelInfo& model : info.models)
      models.AddRow({model.name, model.kind, std::to_string(model.size_bytes), Join(model.options)});
    models.Write(console, format);
  }
  if (!info.sections.empty()) {
    console.Write("\n");
    Table sections({{"section"}, {"model"}, {"offset", true}, {"bytes", true}});
    for (const SectionInfo& section : info.sections)
      sections.AddRow(
          {section.name, OwnerName(info, section), std::to_string(section.offset), std::to_string(section.size)});
    sections.Write(console, format);
  }
  if (info.problems.empty()) return;
  console.Write("\n");
  Table problems({{"problem"}});
  for (const std::string& problem : info.problems) problems.AddRow({problem});
  problems.Write(console, format);
}

// What a damaged file leads to: everything readable is shown, and the exit status says that something is wrong.
absl::Status ProblemStatus(const std::string& file, const std::vector<std::string>& problems, Console& console) {
  WAYPOST_RETURN_IF_ERROR(console.Flush());  // a failed run keeps back what it has not flushed
  if (problems.empty()) return absl::OkStatus();
  return absl::DataLossError(file + ": " + Count(problems.size(), "problem") + "; " + problems.front());
}

absl::Status RunInspect(const Options& options, Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(const BundleInfo info, InspectBundle(options.file));
  if (options.output.json) {
    WriteInspectJson(info, console);
  } else {
    WriteInspectTables(info, options.output.table_format(), console);
  }
  return ProblemStatus(options.file, info.problems, console);
}

#ifdef WAYPOST_STORE
absl::Status RunVerifyStore(const Options& options, Console& console) {
  WAYPOST_ASSIGN_OR_RETURN(const StoreReport report, VerifyStore(options.file));
  if (options.output.json) {
    JsonWriter json(console);
    json.BeginObject();
    json.Member("events", report.events);
    json.Member("users", report.users);
    json.Member("items", report.items);
    WriteRetention(json, report.retention);
    json.Key("problems");
    WriteStrings(json, report.problems);
    WriteRunFacts(json, console, /*threads=*/1, std::nullopt);
    json.EndObject();
    console.Write("\n");
  } else {
    for (const std::string& problem : report.problems) console.Write(problem + "\n");
    if (report.problems.empty())
      console.Write("ok: " + Count(report.events, "event") + ", " + Count(report.users, "user") + ", " +
                    Count(report.items, "item") +
                    (report.retention.unlimited() ? "" : "; kept " + RetentionText(report.retention)) + "\n");
  }
  return ProblemStatus(options.file, report.problems, console);
}
#endif

absl::Status RunVerify(const Options& options, Console& console) {
#ifdef WAYPOST_STORE
  std::error_code ignored;
  if (std::filesystem::is_directory(options.file, ignored)) return RunVerifyStore(options, console);
#endif
  WAYPOST_ASSIGN_OR_RETURN(const BundleInfo info, VerifyBundle(options.file));
  if (options.output.json) {
    JsonWriter json(console);
    json.BeginObject();
    EndCheckedFile(json, info, console);
  } else {
    for (const std::string& problem : info.problems) console.Write(problem + "\n");
    if (info.problems.empty())
      console.Write("ok: " + Count(info.sections.size(), "section") + ", " + Count(info.file_size, "byte") + "\n");
  }
  return ProblemStatus(options.file, info.problems, console);
}

}  // namespace

void AddInspect(CommandLine& command_line) {
  auto options = std::make_shared<Options>();
  Verb& verb = command_line.AddVerb("inspect", "Show what a model file holds", "waypost inspect courses.waypost");
  verb.Positional("FILE", options->file, "The model file");
  AddOutputFlags(verb, options->output);
  verb.Notes(
      "Reads header, section table and metadata only; of a damaged file it shows what can be read and what is wrong\n"
      "(exit status 1). verify reads every byte.\n");
  verb.Runs([options](Console& console) { return RunInspect(*options, console); });
}

void AddVerify(CommandLine& command_line) {
  auto options = std::make_shared<Options>();
  Verb& verb =
      command_line.AddVerb("verify", "Check every byte of a model file or a store", "waypost verify courses.waypost");
  verb.Positional("FILE", options->file, "The model file, or the folder of a store");
  AddJsonFlag(verb, options->output.json);
  verb.Notes("Lists every problem with the section it is in; exit status 1 if there is one.\n");
  verb.Runs([options](Console& console) { return RunVerify(*options, console); });
}

}  // namespace waypost::cli
