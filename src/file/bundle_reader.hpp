// Reads a bundle from bytes in memory: the one path behind opening, inspecting and verifying.
#ifndef WAYPOST_SRC_FILE_BUNDLE_READER_HPP_
#define WAYPOST_SRC_FILE_BUNDLE_READER_HPP_

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "file/metadata.hpp"
#include "file/section_reader.hpp"
#include "waypost/base/status.hpp"
#include "waypost/file/model_bundle.hpp"

namespace waypost::file {

// Errors  as OpenBundle.
absl::StatusOr<ModelBundle> ReadBundle(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                       OpenCheck check);

// Reads the metadata section, with its checksum.
absl::StatusOr<Metadata> ReadMetadata(const EnvelopeView& envelope);

// Everything that is wrong with checksums and values, the first problem of each section, dictionary and model.
std::vector<absl::Status> FindProblems(const EnvelopeView& envelope, const absl::StatusOr<Metadata>& metadata);

}  // namespace waypost::file

#endif  // WAYPOST_SRC_FILE_BUNDLE_READER_HPP_
