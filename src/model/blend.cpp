#include "waypost/model/blend.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "waypost/base/number_text.hpp"
#include "waypost/model/blend_sampling.hpp"

namespace waypost {
namespace {

using internal::ToAbsl;

constexpr std::string_view kBlend = "blend";

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// The pieces between separators that stand outside of parentheses, trimmed.
std::vector<std::string_view> Pieces(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    if (at < text.size()) depth += text[at] == '(' ? 1 : text[at] == ')' ? -1 : 0;
    if (at < text.size() && (text[at] != separator || depth > 0)) continue;
    pieces.push_back(Trimmed(text.substr(begin, at - begin)));
    begin = at + 1;
  }
  return pieces;
}

std::optional<BlendPart> ParsePart(std::string_view text) {
  const std::size_t open = text.find('(');
  BlendPart part{.kind = std::string(Trimmed(text.substr(0, open))), .settings = {}};
  if (part.kind.empty()) return std::nullopt;
  if (open == std::string_view::npos) return part;
  if (text.back() != ')') return std::nullopt;
  const std::string_view inside = Trimmed(text.substr(open + 1, text.size() - open - 2));
  if (inside.empty()) return part;
  for (std::string_view piece : Pieces(inside, ',')) {
    const std::size_t equals = piece.find('=');
    if (equals == std::string_view::npos || piece.find_first_of("()") != std::string_view::npos) return std::nullopt;
    part.settings.emplace_back(Trimmed(piece.substr(0, equals)), Trimmed(piece.substr(equals + 1)));
  }
  return part;
}

absl::Status ValidateParts(const BlendOptions& options) {
  if (options.parts.empty() || options.parts.size() > kMaxBlendParts)
    return absl::InvalidArgumentError(
        absl::StrCat("BlendOptions.parts: want 1..", kMaxBlendParts, ", got ", options.parts.size()));
  for (const BlendPart& part : options.parts) {
    if (part.kind == kBlend)
      return absl::InvalidArgumentError("BlendOptions.parts: want models of other kinds, got a blend");
    const absl::StatusOr<ModelOptions> own = PartOptions(part, options.seed);
    if (!own.ok()) return internal::AddContext("BlendOptions.parts", own.status());
    for (const auto& [name, value] : FormatOptions(*own))
      if (name == "patience" && value != "0")
        return absl::InvalidArgumentError(absl::StrCat("BlendOptions.parts: want patience 0 in ", part.kind,
                                                       ", for a part does not stop early, got ", value));
  }
  if (const std::size_t size = FormatBlendParts(options.parts).size(); size > kMaxBlendText)
    return absl::InvalidArgumentError(
        absl::StrCat("BlendOptions.parts: want at most ", kMaxBlendText, " bytes of text, got ", size));
  return absl::OkStatus();
}

absl::Status ValidateWeights(const BlendOptions& options) {
  if (!options.weights) return absl::OkStatus();
  const std::vector<float>& weights = *options.weights;
  if (weights.size() != options.parts.size())
    return absl::InvalidArgumentError(
        absl::StrCat("BlendOptions.weights: want ", options.parts.size(), ", one a part, got ", weights.size()));
  for (float weight : weights)
    if (!(weight >= 0 && weight <= kMaxBlendWeight))  // also a NaN
      return absl::InvalidArgumentError(
          absl::StrCat("BlendOptions.weights: want in 0..", kMaxBlendWeight, ", got ", weight));
  if (std::all_of(weights.begin(), weights.end(), [](float weight) { return weight == 0; }))
    return absl::InvalidArgumentError("BlendOptions.weights: want one above 0, got none");
  return absl::OkStatus();
}

// One training of a blend.
class BlendTrainer {
 public:
  BlendTrainer(const BlendOptions& options, const TrainingControl& control, const Parallelism& parallelism)
      : options_(options), control_(control), parallelism_(parallelism) {
    part_control_.cancelled = control.cancelled;
    steps_ = static_cast<int>(options.parts.size()) * (options.weights ? 1 : 2);
  }

  absl::StatusOr<BlendModel> Train(const InteractionMatrix& matrix) {
    if (!options_.weights) WAYPOST_RETURN_IF_ERROR(LearnWeights(matrix));
    WAYPOST_ASSIGN_OR_RETURN(auto parts, TrainParts(matrix));
    return BlendModel(options_, std::move(parts));
  }

 private:
  absl::StatusOr<std::vector<std::shared_ptr<const Scorer>>> TrainParts(const InteractionMatrix& matrix) {
    std::vector<std::shared_ptr<const Scorer>> parts;
    for (const BlendPart& part : options_.parts) {
      WAYPOST_ASSIGN_OR_RETURN(const ModelOptions options, PartOptions(part, options_.seed));
      absl::StatusOr<TrainedModel> trained = TrainModel(matrix, options, part_control_, parallelism_);
      if (!trained.ok()) return internal::AddContext(absl::StrCat("TrainBlend, part ", part.kind), trained.status());
      parts.push_back(std::move(trained->scorer));
      WAYPOST_RETURN_IF_ERROR(ReportProgress(control_, {.epoch = ++step_, .epochs = steps_}));
    }
    return parts;
  }

  absl::Status LearnWeights(const InteractionMatrix& matrix) {
    const internal::HeldOutItems held_out = internal::HoldOutItems(
        matrix, options_.validation_share.value_or(kDefaultBlendShare), options_.seed, parallelism_);
    WAYPOST_ASSIGN_OR_RETURN(const auto parts, TrainParts(held_out.fit));
    const auto cancelled = [&] { return control_.cancelled && control_.cancelled(); };
    WAYPOST_ASSIGN_OR_RETURN(const std::vector<internal::BlendSample> samples,
                             internal::SampleBlend(held_out, options_, parts, parallelism_, cancelled));
    options_.weights = internal::FindBlendWeights(samples, parts.size(), parallelism_, cancelled);
    options_.validation_share.reset();
    return cancelled() ? absl::CancelledError("TrainBlend: cancelled") : absl::OkStatus();
  }

  BlendOptions options_;
  const TrainingControl& control_;
  const Parallelism& parallelism_;
  TrainingControl part_control_;
  int step_ = 0;
  int steps_ = 0;
};

}  // namespace

absl::Status Validate(const BlendOptions& options) {
  WAYPOST_RETURN_IF_ERROR(ValidateParts(options));
  if (BlendFusionName(options.fusion).empty())
    return absl::InvalidArgumentError(
        absl::StrCat("BlendOptions.fusion: want scores or ranks, got ", static_cast<int>(options.fusion)));
  WAYPOST_RETURN_IF_ERROR(ValidateWeights(options));
  if (options.validation_share) {
    const float share = *options.validation_share;
    if (options.weights)
      return absl::InvalidArgumentError(
          absl::StrCat("BlendOptions.validation_share: want it unset beside weights, got ", share));
    if (!(share >= 0.01f && share <= 0.9f))
      return absl::InvalidArgumentError(absl::StrCat("BlendOptions.validation_share: want 0.01..0.9, got ", share));
  }
  if (!options.rank_offset) return absl::OkStatus();
  if (options.fusion != BlendFusion::kRanks)
    return absl::InvalidArgumentError(
        absl::StrCat("BlendOptions.rank_offset: want it unset with fusion scores, got ", *options.rank_offset));
  if (*options.rank_offset >= 0 && *options.rank_offset <= 1000000) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("BlendOptions.rank_offset: want 0..1000000, got ", *options.rank_offset));
}

absl::StatusOr<ModelOptions> PartOptions(const BlendPart& part, std::uint64_t seed) {
  WAYPOST_ASSIGN_OR_RETURN(const std::vector<OptionInfo> table, OptionTable(part.kind));
  std::vector<OptionSetting> settings = part.settings;
  const auto has_seed = [](const auto& list, const auto& name) {
    return std::any_of(list.begin(), list.end(), [&](const auto& entry) { return name(entry) == "seed"; });
  };
  if (has_seed(table, [](const OptionInfo& info) { return info.name; }) &&
      !has_seed(settings, [](const OptionSetting& setting) { return std::string_view(setting.first); }))
    settings.emplace_back("seed", internal::NumberText(seed));
  return ParseModelOptions(part.kind, settings);
}

std::string FormatBlendParts(const std::vector<BlendPart>& parts) {
  std::string text;
  for (const BlendPart& part : parts) {
    text += (text.empty() ? "" : " + ") + part.kind;
    for (std::size_t n = 0; n < part.settings.size(); ++n)
      text += (n == 0 ? "(" : ",") + part.settings[n].first + "=" + part.settings[n].second;
    if (!part.settings.empty()) text += ")";
  }
  return text;
}

std::optional<std::vector<BlendPart>> ParseBlendParts(std::string_view text) {
  std::vector<BlendPart> parts;
  for (std::string_view piece : Pieces(text, '+')) {
    std::optional<BlendPart> part = ParsePart(piece);
    if (!part) return std::nullopt;
    parts.push_back(*std::move(part));
  }
  return parts;
}

std::string FormatBlendWeights(const std::vector<float>& weights) {
  std::string text;
  for (float weight : weights) text += (text.empty() ? "" : ",") + internal::NumberText(weight);
  return text;
}

std::optional<std::vector<float>> ParseBlendWeights(std::string_view text) {
  std::vector<float> weights;
  for (std::string_view piece : Pieces(text, ','))
    if (!internal::ReadNumber(piece, weights.emplace_back())) return std::nullopt;
  return weights;
}

absl::StatusOr<BlendModel> TrainBlend(const InteractionMatrix& matrix, const BlendOptions& options,
                                      const TrainingControl& control, const Parallelism& parallelism) {
  WAYPOST_RETURN_IF_ERROR(Validate(options));
  WAYPOST_RETURN_IF_ERROR(ValidateOnePassControl(control));
  WAYPOST_RETURN_IF_ERROR(ValidateTrainingMatrix(matrix));
  try {
    return BlendTrainer(options, control, parallelism).Train(matrix);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        absl::StrCat("TrainBlend: memory ended with ", matrix.users(), " users and ", matrix.items(), " items"));
  }
}

}  // namespace waypost
