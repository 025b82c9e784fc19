// waypost/file/inspect.hpp - what a `.waypost` file holds and what is wrong with it, without loading it.
#ifndef WAYPOST_FILE_INSPECT_HPP_
#define WAYPOST_FILE_INSPECT_HPP_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/file/model_bundle.hpp"

namespace waypost {

struct SectionInfo {
  std::string name;         // "item id bytes", "ials user factors"; "unknown 77" for a type of a newer version
  std::uint32_t type = 0;   // as stored
  std::uint32_t model = 0;  // 0: of the bundle; n: of the n-th model
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t checksum = 0;
};

struct ModelInfo {
  std::string name;
  std::string kind;
  Settings options;
  Settings parameters;           // what the model needs beside its arrays
  std::uint64_t size_bytes = 0;  // of its sections
};

struct BundleInfo {
  std::uint64_t file_size = 0;
  std::uint16_t version_major = 0;
  std::uint16_t version_minor = 0;
  std::uint64_t must_understand = 0;  // feature bits
  std::uint64_t may_ignore = 0;
  std::string writer;  // version of the library that wrote the file
  std::uint64_t users = 0;
  std::uint64_t items = 0;
  bool has_titles = false;
  bool has_history = false;
  std::string default_model;
  TrainingFacts facts;
  std::vector<ModelInfo> models;
  std::vector<SectionInfo> sections;
  std::vector<std::string> problems;  // one sentence each; what a problem made unreadable is left empty above
};

// Reads header, section table and metadata; their problems go into `problems`.
// Errors  the system's own only: kNotFound, kPermissionDenied ...
absl::StatusOr<BundleInfo> InspectBundle(const std::string& path);

// As InspectBundle, and reads every byte: checksums, then all values. Each section's first problem is listed.
absl::StatusOr<BundleInfo> VerifyBundle(const std::string& path);

// As VerifyBundle, from a copy of `bytes`.
absl::StatusOr<BundleInfo> VerifyBundleFromMemory(std::span<const std::byte> bytes);

}  // namespace waypost

#endif  // WAYPOST_FILE_INSPECT_HPP_
