#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/shown.hpp"
#include "text/encoder_model.hpp"
#include "text/json_object.hpp"

namespace waypost::internal {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20;
constexpr std::int64_t kMaxHidden = 4096;
constexpr std::int64_t kMaxLayers = 96;
constexpr std::int64_t kMaxPositions = 8192;
constexpr std::int64_t kMaxWords = 1 << 24;

bool Exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

absl::Status Other(std::string_view what, std::string_view want, std::string_view got) {
  return absl::UnimplementedError(absl::StrCat(ToAbsl(what), ": want ", ToAbsl(want), ", got ", Shown(got)));
}

// The member must have this value where it exists.
absl::Status WantText(const JsonObject& object, std::string_view name, std::string_view want) {
  if (object.Find(name) == nullptr) return absl::OkStatus();
  WAYPOST_ASSIGN_OR_RETURN(const std::string_view value, object.Text(name));
  return value == want ? absl::OkStatus() : Other(name, want, value);
}

absl::StatusOr<EncoderConfig> ReadMain(const JsonObject& object) {
  EncoderConfig config;
  WAYPOST_ASSIGN_OR_RETURN(const std::string_view type, object.Text("model_type"));
  if (type != "bert") return Other("model_type", "'bert'", type);
  WAYPOST_RETURN_IF_ERROR(WantText(object, "hidden_act", "gelu"));
  WAYPOST_RETURN_IF_ERROR(WantText(object, "position_embedding_type", "absolute"));
  const auto read = [&](std::string_view name, std::int64_t low, std::int64_t high, std::size_t* to) -> absl::Status {
    WAYPOST_ASSIGN_OR_RETURN(const std::int64_t value, object.Integer(name, low, high));
    *to = static_cast<std::size_t>(value);
    return absl::OkStatus();
  };
  WAYPOST_RETURN_IF_ERROR(read("hidden_size", 16, kMaxHidden, &config.hidden));
  WAYPOST_RETURN_IF_ERROR(read("num_hidden_layers", 1, kMaxLayers, &config.layers));
  WAYPOST_RETURN_IF_ERROR(read("num_attention_heads", 1, kMaxHidden / 16, &config.heads));
  WAYPOST_RETURN_IF_ERROR(read("intermediate_size", 16, 4 * kMaxHidden, &config.intermediate));
  WAYPOST_RETURN_IF_ERROR(read("max_position_embeddings", 2, kMaxPositions, &config.positions));
  WAYPOST_RETURN_IF_ERROR(read("vocab_size", 1, kMaxWords, &config.words));
  WAYPOST_ASSIGN_OR_RETURN(const double epsilon, object.Number("layer_norm_eps"));
  if (!(epsilon >= 0 && epsilon <= 1))
    return absl::InvalidArgumentError(absl::StrCat("layer_norm_eps: want 0 to 1, got ", epsilon));
  config.epsilon = static_cast<float>(epsilon);
  if (config.hidden % (config.heads * 16) != 0 || config.intermediate % 16 != 0)
    return absl::UnimplementedError(absl::StrCat("hidden_size, intermediate_size: want multiples of 16 for each of ",
                                                 config.heads, " heads and of 16, got ", config.hidden, " and ",
                                                 config.intermediate));
  config.max_tokens = config.positions;
  return config;
}

absl::Status ReadPooling(const JsonObject& object, EncoderConfig* config) {
  for (std::size_t n = 0; n < object.names().size(); ++n) {
    const std::string_view name = object.names()[n];
    if (name.substr(0, 13) != "pooling_mode_") continue;
    WAYPOST_ASSIGN_OR_RETURN(const bool set, object.Bool(name));
    const bool known = name == "pooling_mode_mean_tokens" || name == "pooling_mode_cls_token";
    if (set && !known) return Other(name, "false", "true");
  }
  WAYPOST_ASSIGN_OR_RETURN(config->mean, object.Bool("pooling_mode_mean_tokens"));
  WAYPOST_ASSIGN_OR_RETURN(const bool first, object.Bool("pooling_mode_cls_token"));
  if (config->mean == first)
    return absl::UnimplementedError(
        "pooling_mode_mean_tokens, pooling_mode_cls_token: want one true, got both or none");
  return absl::OkStatus();
}

// `read` of the file, whose errors name it.
template <typename Read>
absl::Status WithFile(const std::string& path, const Read& read) {
  WAYPOST_ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(path, kMaxFile));
  const absl::Status status = read(std::string_view(text));
  return status.ok() ? status : AddContext(ToStd(absl::StrCat("'", path, "'")), status);
}

// What follows the transformer: pooling, and with "Normalize" vectors of length 1.
absl::Status ReadModules(const std::string& folder, std::string_view text, EncoderConfig* config) {
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<JsonObject> modules, ParseJsonObjects(text));
  config->normalize = false;
  for (const JsonObject& module : modules) {
    WAYPOST_ASSIGN_OR_RETURN(const std::string_view type, module.Text("type"));
    const std::string_view last = type.substr(type.rfind('.') + 1);
    if (last == "Transformer") continue;
    if (last == "Normalize") {
      config->normalize = true;
    } else if (last == "Pooling") {
      WAYPOST_ASSIGN_OR_RETURN(const std::string_view name, module.Text("path"));
      if (name.empty() || name.find_first_of("/\\") != std::string_view::npos || name.front() == '.' ||
          name.find('\0') != std::string_view::npos)
        return absl::InvalidArgumentError(absl::StrCat("path: want a folder's name, got ", Shown(name)));
      const std::string path = folder + "/" + std::string(name) + "/config.json";
      WAYPOST_RETURN_IF_ERROR(WithFile(path, [&](std::string_view pooling) -> absl::Status {
        WAYPOST_ASSIGN_OR_RETURN(const JsonObject object, JsonObject::Parse(pooling));
        return ReadPooling(object, config);
      }));
    } else {
      return Other("type", "Transformer, Pooling or Normalize", last);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<EncoderConfig> ReadEncoderConfig(const std::string& folder) {
  EncoderConfig config;
  WAYPOST_RETURN_IF_ERROR(WithFile(folder + "/config.json", [&](std::string_view text) -> absl::Status {
    WAYPOST_ASSIGN_OR_RETURN(const JsonObject object, JsonObject::Parse(text));
    WAYPOST_ASSIGN_OR_RETURN(config, ReadMain(object));
    return absl::OkStatus();
  }));
  if (const std::string path = folder + "/modules.json"; Exists(path)) {
    WAYPOST_RETURN_IF_ERROR(WithFile(path, [&](std::string_view text) { return ReadModules(folder, text, &config); }));
  }
  if (const std::string path = folder + "/sentence_bert_config.json"; Exists(path)) {
    WAYPOST_RETURN_IF_ERROR(WithFile(path, [&](std::string_view text) -> absl::Status {
      WAYPOST_ASSIGN_OR_RETURN(const JsonObject object, JsonObject::Parse(text));
      if (object.Find("max_seq_length") == nullptr) return absl::OkStatus();
      WAYPOST_ASSIGN_OR_RETURN(const std::int64_t longest, object.Integer("max_seq_length", 2, 1 << 30));
      config.max_tokens = std::min(config.max_tokens, static_cast<std::size_t>(longest));
      return absl::OkStatus();
    }));
  }
  return config;
}

}  // namespace waypost::internal
