// Blends in a model file: the options and the names of the parts as parameters.
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/shown.hpp"
#include "file/model_codec.hpp"
#include "waypost/model/blend.hpp"

namespace waypost::file {
namespace {

constexpr char kPartNames[] = "models";
constexpr char kBlend[] = "blend";

using Models = std::vector<absl::StatusOr<std::shared_ptr<const Scorer>>>;

absl::Status BadParts(std::uint32_t model, const std::string& want, const std::string& got) {
  return absl::DataLossError(absl::StrCat(SectionName(SectionType::kMetadata, 0), ", model ", model, ", parameter ",
                                          kPartNames, ": want ", want, ", got ", got));
}

// The model of this name that is no blend.
const Models::value_type* FindPart(const Metadata& metadata, const Models& models, std::string_view name) {
  for (std::size_t n = 0; n < models.size(); ++n)
    if (metadata.models[n].name == name && metadata.models[n].kind != kBlend) return &models[n];
  return nullptr;
}

absl::StatusOr<std::shared_ptr<const Scorer>> DecodeBlend(const Metadata& metadata, const Models& models,
                                                          std::uint32_t model) {
  const ModelMetadata& own = metadata.models[model - 1];
  WAYPOST_ASSIGN_OR_RETURN(const ModelOptions read, ReadModelOptions(own, model));
  const BlendOptions& options = std::get<BlendOptions>(read);
  if (!options.weights) return BadParts(model, "weights beside it", "none");
  std::string names;
  for (const auto& [name, value] : own.parameters)
    if (name == kPartNames) names = value;
  std::vector<std::shared_ptr<const Scorer>> parts;
  for (const std::string& name : std::vector<std::string>(absl::StrSplit(names, ','))) {
    const Models::value_type* part = FindPart(metadata, models, name);
    if (part == nullptr) return BadParts(model, "names of models that are no blends", internal::Shown(name));
    if (!part->ok()) return part->status();
    const std::size_t n = parts.size();
    if (n >= options.parts.size() || options.parts[n].kind != (*part)->get()->kind())
      return BadParts(model, absl::StrCat("a model each of ", internal::Shown(FormatBlendParts(options.parts))),
                      internal::Shown(names));
    parts.push_back(**part);
  }
  if (parts.size() != options.parts.size())
    return BadParts(model, absl::StrCat(options.parts.size(), " names"), absl::StrCat(parts.size()));
  return std::make_shared<const BlendModel>(options, std::move(parts));
}

}  // namespace

absl::StatusOr<EncodedModel> EncodeBlend(const BlendModel& blend, const std::vector<std::string>& parts) {
  WAYPOST_RETURN_IF_ERROR(Validate(blend.options()));
  EncodedModel encoded{.parameters = {}, .sections = {}, .version_minor = 2};
  encoded.parameters = FormatOptions(blend.options());
  encoded.parameters.emplace_back(kPartNames, absl::StrJoin(parts, ","));
  return encoded;
}

Models DecodeModels(const SectionReader& reader, const Metadata& metadata) {
  Models models(metadata.models.size(), absl::UnknownError(""));
  for (const bool blends : {false, true}) {
    for (std::size_t n = 0; n < models.size(); ++n) {
      if ((metadata.models[n].kind == kBlend) != blends) continue;
      const auto model = static_cast<std::uint32_t>(n + 1);
      models[n] = blends ? DecodeBlend(metadata, models, model)
                         : DecodeModel(reader, metadata.models[n], model, metadata.users, metadata.items);
    }
  }
  return models;
}

}  // namespace waypost::file
