#include "waypost/file/model_bundle.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

#include "file/bundle_reader.hpp"
#include "file/dictionary_codec.hpp"
#include "file/file_io.hpp"
#include "file/guard.hpp"
#include "file/model_codec.hpp"
#include "waypost/model/blend_model.hpp"
#include "waypost/version.hpp"

namespace waypost {
namespace file {
namespace {

// A bundle as sections, checked. The arrays are borrowed from the bundle.
struct EncodedBundle {
  std::vector<std::byte> metadata;
  std::vector<SectionSource> sections;
  FileFormat format = kModelFormat;  // of the version that the models need, so that older readers open what they know
};

absl::Status AddTitles(const ModelBundle& bundle, std::vector<SectionSource>& sections) {
  const ItemTitles& titles = bundle.titles;
  if (titles.size() == 0) return absl::OkStatus();
  if (titles.size() != bundle.items.size())
    return absl::InvalidArgumentError(
        absl::StrCat("ModelBundle.titles: want ", bundle.items.size(), " titles or none, got ", titles.size()));
  WAYPOST_RETURN_IF_ERROR(
      FaultOf("ModelBundle.titles.offsets", CheckOffsets(titles.offsets().span(), titles.bytes().size())));
  WAYPOST_RETURN_IF_ERROR(FaultOf("ModelBundle.titles.bytes", CheckTexts(titles.bytes().span(), titles.offsets().span(),
                                                                         0, std::numeric_limits<std::size_t>::max())));
  sections.push_back({SectionType::kTitleBytes, 0, AsBytes(titles.bytes().span())});
  sections.push_back({SectionType::kTitleOffsets, 0, AsBytes(titles.offsets().span())});
  return absl::OkStatus();
}

absl::Status AddHistory(const ModelBundle& bundle, std::vector<SectionSource>& sections) {
  const SparseMatrix& history = bundle.history;
  if (history.rows() == 0) return absl::OkStatus();
  if (history.rows() != bundle.users.size())
    return absl::InvalidArgumentError(
        absl::StrCat("ModelBundle.history: want ", bundle.users.size(), " rows or none, got ", history.rows()));
  if (history.columns() != bundle.items.size())
    return absl::InvalidArgumentError(
        absl::StrCat("ModelBundle.history: want ", bundle.items.size(), " columns, got ", history.columns()));
  const std::span<const std::uint64_t> offsets = history.offsets().span();
  const std::span<const std::uint32_t> columns = history.column_indices().span();
  WAYPOST_RETURN_IF_ERROR(FaultOf("ModelBundle.history.offsets", CheckOffsets(offsets, columns.size())));
  WAYPOST_RETURN_IF_ERROR(FaultOf("ModelBundle.history.columns", CheckColumns(offsets, columns, history.columns())));
  WAYPOST_RETURN_IF_ERROR(FaultOf("ModelBundle.history.values", CheckFinite(history.values().span())));
  sections.push_back({SectionType::kHistoryOffsets, 0, AsBytes(offsets)});
  sections.push_back({SectionType::kHistoryColumns, 0, AsBytes(columns)});
  if (history.weighted()) sections.push_back({SectionType::kHistoryValues, 0, AsBytes(history.values().span())});
  return absl::OkStatus();
}

// The models of a bundle and, after them, those parts of its blends that are none of them yet.
struct ModelList {
  std::vector<NamedModel> models;
  std::vector<std::vector<std::string>> parts;  // of blends: their names
};

// Of a part of `blend` that is no model of the bundle: a name that is free, however long that of the blend.
std::string PartName(const std::vector<NamedModel>& models, std::string_view blend, std::size_t part,
                     std::string_view kind) {
  for (int number = 1;; ++number) {
    const std::string end = absl::StrCat(".", part + 1, "-", internal::ToAbsl(kind), number == 1 ? "" : "-",
                                         number == 1 ? "" : std::to_string(number));
    std::string name = absl::StrCat(internal::ToAbsl(blend.substr(0, kMaxModelNameBytes - end.size())), end);
    if (std::ranges::find(models, name, &NamedModel::name) == models.end()) return name;
  }
}

ModelList ListModels(const ModelBundle& bundle) {
  ModelList list{.models = bundle.models, .parts = {}};
  for (const NamedModel& model : bundle.models) {
    std::vector<std::string>& names = list.parts.emplace_back();
    const auto* blend = dynamic_cast<const BlendModel*>(model.scorer.get());
    for (std::size_t p = 0; blend != nullptr && p < blend->parts().size(); ++p) {
      const auto same = std::ranges::find(list.models, blend->parts()[p], &NamedModel::scorer);
      if (same != list.models.end()) {
        names.push_back(same->name);
        continue;
      }
      const BlendPart& part = blend->options().parts[p];
      names.push_back(PartName(list.models, model.name, p, part.kind));
      list.models.push_back({.name = names.back(), .scorer = blend->parts()[p], .options = part.settings});
    }
  }
  list.parts.resize(list.models.size());
  return list;
}

absl::StatusOr<EncodedBundle> Encode(const ModelBundle& bundle) {
  EncodedBundle encoded;
  std::vector<SectionSource>& sections = encoded.sections;
  encoded.format.version_minor = 0;
  sections.push_back({SectionType::kMetadata, 0, {}});
  Metadata metadata{.writer = WAYPOST_VERSION_STRING,
                    .users = bundle.users.size(),
                    .items = bundle.items.size(),
                    .default_model = bundle.default_model,
                    .facts = bundle.facts,
                    .models = {}};
  WAYPOST_RETURN_IF_ERROR(AddDictionary("ModelBundle.users", bundle.users, kUserSections, 0, sections));
  WAYPOST_RETURN_IF_ERROR(AddDictionary("ModelBundle.items", bundle.items, kItemSections, 0, sections));
  WAYPOST_RETURN_IF_ERROR(AddTitles(bundle, sections));
  WAYPOST_RETURN_IF_ERROR(AddHistory(bundle, sections));
  const ModelList list = ListModels(bundle);
  for (std::size_t n = 0; n < list.models.size(); ++n) {
    const NamedModel& model = list.models[n];
    if (model.scorer == nullptr) return absl::InvalidArgumentError("NamedModel.scorer: want a model, got null");
    const auto* blend = dynamic_cast<const BlendModel*>(model.scorer.get());
    WAYPOST_ASSIGN_OR_RETURN(EncodedModel part, blend != nullptr
                                                    ? EncodeBlend(*blend, list.parts[n])
                                                    : EncodeModel(*model.scorer, static_cast<std::uint32_t>(n + 1),
                                                                  bundle.users.size(), bundle.items.size()));
    metadata.models.push_back({.name = model.name,
                               .kind = std::string(model.scorer->kind()),
                               .options = model.options,
                               .parameters = std::move(part.parameters)});
    sections.insert(sections.end(), part.sections.begin(), part.sections.end());
    encoded.format.version_minor = std::max(encoded.format.version_minor, part.version_minor);
  }
  WAYPOST_RETURN_IF_ERROR(Validate(metadata));
  WAYPOST_ASSIGN_OR_RETURN(encoded.metadata, EncodeMetadata(metadata));
  sections.front().bytes = encoded.metadata;
  return encoded;
}

}  // namespace
}  // namespace file

absl::Status SaveBundle(const ModelBundle& bundle, const std::string& path) {
  return file::Guard("SaveBundle", [&]() -> absl::Status {
    WAYPOST_ASSIGN_OR_RETURN(const file::EncodedBundle encoded, file::Encode(bundle));
    return file::SaveSections(encoded.sections, encoded.format, path);
  });
}

absl::Status CheckSavePath(const std::string& path) {
  return file::Guard("CheckSavePath", [&] { return file::AtomicFile::Create(path).status(); });
}

absl::StatusOr<std::vector<std::byte>> SaveBundleToMemory(const ModelBundle& bundle) {
  return file::Guard("SaveBundleToMemory", [&]() -> absl::StatusOr<std::vector<std::byte>> {
    WAYPOST_ASSIGN_OR_RETURN(const file::EncodedBundle encoded, file::Encode(bundle));
    return file::SectionsToMemory(encoded.sections, encoded.format);
  });
}

absl::StatusOr<ModelBundle> OpenBundle(const std::string& path, const OpenOptions& options) {
  return file::Guard("OpenBundle", [&]() -> absl::StatusOr<ModelBundle> {
    WAYPOST_ASSIGN_OR_RETURN(std::shared_ptr<const file::MappedFile> mapped, file::MappedFile::Open(path));
    const std::span<const std::byte> bytes = mapped->bytes();
    absl::StatusOr<ModelBundle> bundle = file::ReadBundle(bytes, std::move(mapped), options.check);
    if (!bundle.ok()) return internal::AddContext(absl::StrCat("'", path, "'"), bundle.status());
    return bundle;
  });
}

absl::StatusOr<ModelBundle> OpenBundleFromMemory(std::span<const std::byte> bytes, const OpenOptions& options) {
  return file::Guard("OpenBundleFromMemory", [&]() -> absl::StatusOr<ModelBundle> {
    auto copy = std::make_shared<const AlignedVector<std::byte>>(bytes.begin(), bytes.end());
    return file::ReadBundle(*copy, copy, options.check);
  });
}

}  // namespace waypost
