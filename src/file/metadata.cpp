#include "file/metadata.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include <cereal/cereal.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/vector.hpp>

#include "base/shown.hpp"
#include "file/envelope.hpp"
#include "file/format.hpp"
#include "waypost/base/bytes.hpp"
#include "waypost/base/utf8.hpp"

namespace waypost::file {

// What is thrown through cereal and caught by EncodeMetadata and DecodeMetadata.
struct MetadataError {
  std::uint64_t position;
  std::string want;
  std::string got;
};

class MetadataWriter : public cereal::OutputArchive<MetadataWriter, cereal::AllowEmptyClassElision> {
 public:
  explicit MetadataWriter(std::vector<std::byte>& bytes)
      : cereal::OutputArchive<MetadataWriter, cereal::AllowEmptyClassElision>(this), bytes_(bytes) {}

  void Write(const void* data, std::size_t size) {
    const auto* first = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), first, first + size);
  }
  void Write(std::uint64_t value) {
    bytes_.resize(bytes_.size() + sizeof(value));
    StoreLittleEndian(std::span(bytes_), bytes_.size() - sizeof(value), value);
  }

 private:
  std::vector<std::byte>& bytes_;
};

class MetadataReader : public cereal::InputArchive<MetadataReader, cereal::AllowEmptyClassElision> {
 public:
  explicit MetadataReader(std::span<const std::byte> bytes)
      : cereal::InputArchive<MetadataReader, cereal::AllowEmptyClassElision>(this), bytes_(bytes) {}

  std::size_t position() const { return position_; }
  std::size_t left() const { return bytes_.size() - position_; }

  void Read(void* data, std::size_t size) {
    Require(size);
    if (size > 0) std::memcpy(data, bytes_.data() + position_, size);
    position_ += size;
  }
  std::uint64_t ReadNumber() {
    Require(sizeof(std::uint64_t));
    position_ += sizeof(std::uint64_t);
    return LoadLittleEndian<std::uint64_t>(bytes_, position_ - sizeof(std::uint64_t));
  }
  // A length in front of a text or a list: cereal allocates that many elements next, each of at least one byte here.
  std::uint64_t ReadSize() {
    const std::uint64_t size = ReadNumber();
    const std::uint64_t most = std::min<std::uint64_t>(left(), kMaxSettingBytes);
    if (size > most)
      throw MetadataError{position_ - sizeof(size), absl::StrCat("a size of at most ", most), absl::StrCat(size)};
    return size;
  }

 private:
  void Require(std::size_t size) const {
    if (size > left())
      throw MetadataError{position_, absl::StrCat(size, " bytes"), absl::StrCat(left(), " up to the section's end")};
  }

  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
};

// cereal finds the following by their names.
inline void CEREAL_SAVE_FUNCTION_NAME(MetadataWriter& archive, const std::uint64_t& value) {
  archive.Write(value);
}
inline void CEREAL_LOAD_FUNCTION_NAME(MetadataReader& archive, std::uint64_t& value) {
  value = archive.ReadNumber();
}
template <typename T>
void CEREAL_SAVE_FUNCTION_NAME(MetadataWriter& archive, const cereal::SizeTag<T>& tag) {
  archive.Write(static_cast<std::uint64_t>(tag.size));
}
template <typename T>
void CEREAL_LOAD_FUNCTION_NAME(MetadataReader& archive, cereal::SizeTag<T>& tag) {
  tag.size = static_cast<std::decay_t<T>>(archive.ReadSize());
}
template <typename T>
void CEREAL_SAVE_FUNCTION_NAME(MetadataWriter& archive, const cereal::BinaryData<T>& data) {
  archive.Write(data.data, static_cast<std::size_t>(data.size));
}
template <typename T>
void CEREAL_LOAD_FUNCTION_NAME(MetadataReader& archive, cereal::BinaryData<T>& data) {
  archive.Read(data.data, static_cast<std::size_t>(data.size));
}
template <typename Archive, typename T>
std::enable_if_t<std::is_same_v<Archive, MetadataWriter> || std::is_same_v<Archive, MetadataReader>>
CEREAL_SERIALIZE_FUNCTION_NAME(Archive& archive, cereal::NameValuePair<T>& pair) {
  archive(pair.value);
}

template <typename Archive>
void serialize(Archive& archive, ModelMetadata& model) {
  archive(model.name, model.kind, model.options, model.parameters);
}
template <typename Archive>
void serialize(Archive& archive, Metadata& metadata) {
  TrainingFacts& facts = metadata.facts;
  archive(metadata.writer, metadata.users, metadata.items, metadata.default_model, facts.events, facts.users,
          facts.items, facts.pairs, facts.settings, metadata.models);
}

}  // namespace waypost::file

CEREAL_SETUP_ARCHIVE_TRAITS(waypost::file::MetadataReader, waypost::file::MetadataWriter)

namespace waypost::file {
namespace {

bool IsModelName(std::string_view name) {
  const auto is_alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= kMaxModelNameBytes && is_alphanumeric(name[0]) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

absl::Status CheckText(std::string_view where, std::string_view text) {
  if (text.size() > kMaxSettingBytes)
    return absl::InvalidArgumentError(
        absl::StrCat(internal::ToAbsl(where), ": want at most ", kMaxSettingBytes, " bytes, got ", text.size()));
  if (!IsValidUtf8(text))
    return absl::InvalidArgumentError(
        absl::StrCat(internal::ToAbsl(where), ": want UTF-8, got ", internal::Shown(text)));
  return absl::OkStatus();
}

absl::Status CheckSettings(std::string_view where, const Settings& settings) {
  if (settings.size() > kMaxSettings)
    return absl::InvalidArgumentError(
        absl::StrCat(internal::ToAbsl(where), ": want at most ", kMaxSettings, " settings, got ", settings.size()));
  for (const auto& [name, value] : settings) {
    WAYPOST_RETURN_IF_ERROR(CheckText(where, name));
    WAYPOST_RETURN_IF_ERROR(CheckText(where, value));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Validate(const Metadata& metadata) {
  WAYPOST_RETURN_IF_ERROR(CheckText("writer", metadata.writer));
  for (const auto& [name, count] : {std::pair("users", metadata.users), std::pair("items", metadata.items)})
    if (count > kMaxEntities)
      return absl::InvalidArgumentError(
          absl::StrCat("ModelBundle.", name, ": want at most ", kMaxEntities, ", got ", count));
  WAYPOST_RETURN_IF_ERROR(CheckSettings("ModelBundle.facts.settings", metadata.facts.settings));
  if (metadata.models.empty() || metadata.models.size() > kMaxModels)
    return absl::InvalidArgumentError(
        absl::StrCat("ModelBundle.models: want 1..", kMaxModels, ", got ", metadata.models.size()));
  bool has_default = false;
  for (std::size_t n = 0; n < metadata.models.size(); ++n) {
    const ModelMetadata& model = metadata.models[n];
    if (!IsModelName(model.name))
      return absl::InvalidArgumentError(absl::StrCat("NamedModel.name: want [a-z0-9][a-z0-9._-]* of at most ",
                                                     kMaxModelNameBytes, " bytes, got ", internal::Shown(model.name)));
    for (std::size_t m = 0; m < n; ++m)
      if (metadata.models[m].name == model.name)
        return absl::InvalidArgumentError(
            absl::StrCat("NamedModel.name: want unique names, got ", internal::Shown(model.name), " twice"));
    WAYPOST_RETURN_IF_ERROR(CheckText("Scorer.kind", model.kind));
    WAYPOST_RETURN_IF_ERROR(CheckSettings("NamedModel.options", model.options));
    WAYPOST_RETURN_IF_ERROR(CheckSettings("NamedModel.parameters", model.parameters));
    has_default = has_default || model.name == metadata.default_model;
  }
  if (!has_default)
    return absl::InvalidArgumentError(absl::StrCat("ModelBundle.default_model: want the name of a model, got ",
                                                   internal::Shown(metadata.default_model)));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::byte>> EncodeMetadata(const Metadata& metadata) {
  std::vector<std::byte> bytes;
  MetadataWriter archive(bytes);
  archive(metadata);
  if (bytes.size() > kMaxMetadataBytes)
    return absl::ResourceExhaustedError(
        absl::StrCat("ModelBundle: want at most ", kMaxMetadataBytes, " bytes of metadata, got ", bytes.size()));
  return bytes;
}

absl::StatusOr<Metadata> DecodeMetadata(std::span<const std::byte> section, std::uint64_t offset, bool newer_minor) {
  if (section.size() > kMaxMetadataBytes)
    return Damaged("section metadata", offset, absl::StrCat("at most ", kMaxMetadataBytes, " bytes"), section.size());
  Metadata metadata;
  try {
    MetadataReader archive(section);
    archive(metadata);
    if (archive.left() > 0 && !newer_minor)
      return Damaged("section metadata", offset + archive.position(), "the section's end",
                     absl::StrCat(archive.left(), " more bytes"));
  } catch (const MetadataError& error) {
    return Damaged("section metadata", offset + error.position, error.want, error.got);
  }
  if (const absl::Status status = Validate(metadata); !status.ok())
    return absl::DataLossError(absl::StrCat("section metadata at offset ", offset, ": ", status.message()));
  return metadata;
}

}  // namespace waypost::file
