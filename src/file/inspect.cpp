#include "waypost/file/inspect.hpp"

#include <memory>
#include <utility>

#include "file/bundle_reader.hpp"
#include "file/file_io.hpp"
#include "file/guard.hpp"

namespace waypost {
namespace {

void Describe(const file::EnvelopeView& envelope, BundleInfo& info) {
  info.version_major = envelope.version_major();
  info.version_minor = envelope.version_minor();
  info.must_understand = envelope.must_understand();
  info.may_ignore = envelope.may_ignore();
  info.sections.reserve(envelope.section_count());
  for (std::size_t position = 0; position < envelope.section_count(); ++position) {
    const file::SectionEntry entry = envelope.section(position);
    info.sections.push_back({.name = file::SectionName(entry.type),
                             .type = static_cast<std::uint32_t>(entry.type),
                             .model = entry.model,
                             .offset = entry.offset,
                             .size = entry.size,
                             .checksum = entry.checksum});
    info.has_titles = info.has_titles || entry.type == file::SectionType::kTitleOffsets;
    info.has_history = info.has_history || entry.type == file::SectionType::kHistoryOffsets;
  }
}

void Describe(file::Metadata metadata, BundleInfo& info) {
  info.writer = std::move(metadata.writer);
  info.users = metadata.users;
  info.items = metadata.items;
  info.default_model = std::move(metadata.default_model);
  info.facts = std::move(metadata.facts);
  for (std::size_t n = 0; n < metadata.models.size(); ++n) {
    file::ModelMetadata& model = metadata.models[n];
    std::uint64_t size = 0;
    for (const SectionInfo& section : info.sections) size += section.model == n + 1 ? section.size : 0;
    info.models.push_back({.name = std::move(model.name),
                           .kind = std::move(model.kind),
                           .options = std::move(model.options),
                           .parameters = std::move(model.parameters),
                           .size_bytes = size});
  }
}

BundleInfo Look(std::span<const std::byte> bytes, bool verify) {
  BundleInfo info;
  info.file_size = bytes.size();
  const absl::StatusOr<file::EnvelopeView> envelope = file::EnvelopeView::Read(bytes);
  if (!envelope.ok()) {
    info.problems.emplace_back(envelope.status().message());
    return info;
  }
  Describe(*envelope, info);
  absl::StatusOr<file::Metadata> metadata = file::ReadMetadata(*envelope);
  if (!metadata.ok()) info.problems.emplace_back(metadata.status().message());
  if (verify)
    for (const absl::Status& problem : file::FindProblems(*envelope, metadata))
      info.problems.emplace_back(problem.message());
  if (metadata.ok()) Describe(*std::move(metadata), info);
  return info;
}

absl::StatusOr<BundleInfo> LookAtFile(std::string_view where, const std::string& path, bool verify) {
  return file::Guard(where, [&]() -> absl::StatusOr<BundleInfo> {
    WAYPOST_ASSIGN_OR_RETURN(const std::shared_ptr<const file::MappedFile> mapped, file::MappedFile::Open(path));
    return Look(mapped->bytes(), verify);
  });
}

}  // namespace

absl::StatusOr<BundleInfo> InspectBundle(const std::string& path) {
  return LookAtFile("InspectBundle", path, /*verify=*/false);
}

absl::StatusOr<BundleInfo> VerifyBundle(const std::string& path) {
  return LookAtFile("VerifyBundle", path, /*verify=*/true);
}

absl::StatusOr<BundleInfo> VerifyBundleFromMemory(std::span<const std::byte> bytes) {
  return file::Guard("VerifyBundleFromMemory", [&]() -> absl::StatusOr<BundleInfo> {
    const AlignedVector<std::byte> aligned(bytes.begin(), bytes.end());
    return Look(aligned, /*verify=*/true);
  });
}

}  // namespace waypost
