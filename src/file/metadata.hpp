// The metadata section of a model file: kinds, names, options and training facts, written with cereal.
//
// cereal believes the sizes that it reads. Here it reads through an archive of our own, over a section whose size and
// checksum were verified, that refuses a size larger than the bytes left or than the format's limit before anything is
// allocated: what is allocated stays below five times the section.
#ifndef WAYPOST_SRC_FILE_METADATA_HPP_
#define WAYPOST_SRC_FILE_METADATA_HPP_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/file/model_bundle.hpp"

namespace waypost::file {

struct ModelMetadata {
  std::string name;
  std::string kind;
  Settings options;
  Settings parameters;
};

struct Metadata {
  std::string writer;
  std::uint64_t users = 0;
  std::uint64_t items = 0;
  std::string default_model;
  TrainingFacts facts;
  std::vector<ModelMetadata> models;
};

// Errors  kInvalidArgument: a rule or limit of the format, naming the member of ModelBundle.
absl::Status Validate(const Metadata& metadata);

// Requires  Validate passed.
// Errors    kResourceExhausted: more than kMaxMetadataBytes.
absl::StatusOr<std::vector<std::byte>> EncodeMetadata(const Metadata& metadata);

// `offset` is where the section begins, for messages. `newer_minor` lets unknown bytes follow.
// Errors  kDataLoss.
absl::StatusOr<Metadata> DecodeMetadata(std::span<const std::byte> section, std::uint64_t offset, bool newer_minor);

}  // namespace waypost::file

#endif  // WAYPOST_SRC_FILE_METADATA_HPP_
