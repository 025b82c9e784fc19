// A checkpoint is the envelope of a model file around the metadata record of one model and its arrays: those after the
// last epoch as model 1, those of the kept epoch as model 2.
#include "waypost/file/checkpoint.hpp"

#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/numbers.h"
#include "base/shown.hpp"
#include "file/bundle_reader.hpp"
#include "file/file_io.hpp"
#include "file/guard.hpp"
#include "file/model_codec.hpp"
#include "waypost/base/number_text.hpp"
#include "waypost/model/model_spec.hpp"
#include "waypost/version.hpp"

namespace waypost {
namespace file {
namespace {

constexpr std::string_view kKind = "ials";
constexpr std::uint32_t kLast = 1;  // model number of the arrays after the last epoch
constexpr std::uint32_t kKept = 2;  // and of those of the kept epoch

// A training can go on from tables within these bounds.
constexpr double kLargestEigenvalue = 1e36;  // of the Gramian of a million such factors
std::optional<Fault> CheckFactorSizes(const FactorMatrix& factors) {
  return CheckWithin(factors.values(), -kLargestIalsFactor, kLargestIalsFactor);
}
std::optional<Fault> CheckEigenvalues(const SharedArray<double>& eigenvalues) {
  return CheckWithin(eigenvalues.span(), 0, kLargestEigenvalue);
}

struct EncodedCheckpoint {
  std::vector<std::byte> metadata;
  std::vector<SectionSource> sections;  // borrowed from the state
};

absl::Status AddFactors(std::string_view name, const FactorMatrix& factors, SectionType type, std::uint32_t model,
                        std::vector<SectionSource>& sections) {
  WAYPOST_RETURN_IF_ERROR(CheckFactors(name, factors, factors.dimensions()));
  WAYPOST_RETURN_IF_ERROR(FaultOf(name, CheckFactorSizes(factors)));
  sections.push_back({type, model, AsBytes(factors.values())});
  return absl::OkStatus();
}

absl::Status AddTables(std::string_view name, const FactorMatrix& items, const SharedArray<double>& eigenvalues,
                       std::uint32_t model, std::vector<SectionSource>& sections) {
  WAYPOST_RETURN_IF_ERROR(AddFactors(name, items, SectionType::kIalsItemFactors, model, sections));
  WAYPOST_RETURN_IF_ERROR(FaultOf(absl::StrCat(internal::ToAbsl(name), ".eigenvalues"), CheckEigenvalues(eigenvalues)));
  sections.push_back({SectionType::kIalsEigenvalues, model, AsBytes(eigenvalues.span())});
  return absl::OkStatus();
}

absl::StatusOr<EncodedCheckpoint> Encode(const IalsState& state, const Settings& notes) {
  WAYPOST_RETURN_IF_ERROR(Validate(state));
  EncodedCheckpoint encoded;
  std::vector<SectionSource>& sections = encoded.sections;
  sections.push_back({SectionType::kMetadata, 0, {}});
  if (state.users.rows() > 0)
    WAYPOST_RETURN_IF_ERROR(AddFactors("IalsState.users", state.users, SectionType::kIalsUserFactors, kLast, sections));
  WAYPOST_RETURN_IF_ERROR(AddTables("IalsState.items", state.items, state.eigenvalues, kLast, sections));
  WAYPOST_RETURN_IF_ERROR(FaultOf("IalsState.loss", CheckFinite(std::span<const double>(state.loss))));
  sections.push_back({SectionType::kCheckpointLoss, kLast, AsBytes(std::span<const double>(state.loss))});
  if (!state.validation.empty()) {
    WAYPOST_RETURN_IF_ERROR(FaultOf("IalsState.validation", CheckFinite(std::span<const double>(state.validation))));
    sections.push_back({SectionType::kCheckpointValidation, kLast, AsBytes(std::span<const double>(state.validation))});
  }
  if (state.kept_items.rows() > 0)
    WAYPOST_RETURN_IF_ERROR(
        AddTables("IalsState.kept_items", state.kept_items, state.kept_eigenvalues, kKept, sections));
  // Step by step: compilers in use destroy members twice when an allocation inside a nested initializer list fails.
  ModelMetadata model;
  model.name = kKind;
  model.kind = kKind;
  model.options = FormatOptions(state.options);
  model.parameters.emplace_back("epoch", internal::NumberText(state.epoch));
  model.parameters.emplace_back("kept", internal::NumberText(state.kept));
  model.parameters.emplace_back("content", absl::StrCat(absl::Hex(state.data.content, absl::kZeroPad16)));
  Metadata metadata;
  metadata.writer = WAYPOST_VERSION_STRING;
  metadata.users = state.data.users;
  metadata.items = state.data.items;
  metadata.default_model = kKind;
  metadata.facts.users = state.data.users;
  metadata.facts.items = state.data.items;
  metadata.facts.pairs = state.data.entries;
  metadata.facts.settings = notes;
  metadata.models.push_back(std::move(model));
  WAYPOST_RETURN_IF_ERROR(Validate(metadata));
  WAYPOST_ASSIGN_OR_RETURN(encoded.metadata, EncodeMetadata(metadata));
  sections.front().bytes = encoded.metadata;
  return encoded;
}

// The error for metadata whose sense is wrong.
absl::Status BadMetadata(std::uint64_t offset, std::string_view what) {
  return absl::DataLossError(absl::StrCat("section metadata at offset ", offset, ": ", internal::ToAbsl(what)));
}

// What the metadata says of the state.
absl::Status DecodeFacts(Metadata& metadata, std::uint64_t offset, Checkpoint& checkpoint) {
  const ModelMetadata& model = metadata.models.front();
  if (metadata.models.size() != 1 || model.kind != kKind)
    return BadMetadata(
        offset, absl::StrCat("want one model of kind ", internal::ToAbsl(kKind), ", got ", metadata.models.size(),
                             ", the first of kind ", internal::Shown(model.kind)));
  const absl::StatusOr<ModelOptions> options = ParseModelOptions(kKind, model.options);
  if (!options.ok()) return BadMetadata(offset, internal::ToStd(options.status().message()));
  IalsState& state = checkpoint.state;
  state.options = std::get<IalsOptions>(*options);
  state.data = {.users = metadata.users, .items = metadata.items, .entries = metadata.facts.pairs, .content = 0};
  bool whole = model.parameters.size() == 3;
  for (const auto& [name, value] : model.parameters) {
    if (name == "epoch") {
      whole = whole && internal::ReadNumber(value, state.epoch);
    } else if (name == "kept") {
      whole = whole && internal::ReadNumber(value, state.kept);
    } else {
      whole = whole && name == "content" && value.size() == 16 && absl::SimpleHexAtoi(value, &state.data.content);
    }
  }
  if (!whole) return BadMetadata(offset, "want the parameters epoch, kept and content, got others");
  checkpoint.notes = std::move(metadata.facts.settings);
  return absl::OkStatus();
}

absl::StatusOr<SharedArray<double>> ReadNumbers(const SectionReader& reader, SectionType type) {
  WAYPOST_ASSIGN_OR_RETURN(SharedArray<double> numbers, reader.Array<double>(type, kLast, std::nullopt));
  WAYPOST_RETURN_IF_ERROR(reader.FromFault(type, kLast, sizeof(double), CheckFinite(numbers.span())));
  return numbers;
}

absl::StatusOr<FactorMatrix> ReadStateFactors(const SectionReader& reader, SectionType type, std::uint32_t model,
                                              std::uint64_t rows, std::size_t dimensions) {
  WAYPOST_ASSIGN_OR_RETURN(FactorMatrix factors, ReadFactors(reader, type, model, rows, dimensions));
  WAYPOST_RETURN_IF_ERROR(reader.FromFault(type, model, sizeof(float), CheckFactorSizes(factors)));
  return factors;
}

absl::StatusOr<Checkpoint> ReadCheckpoint(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  WAYPOST_ASSIGN_OR_RETURN(const EnvelopeView envelope, EnvelopeView::Read(bytes, kCheckpointFormat));
  WAYPOST_RETURN_IF_ERROR(envelope.Verify());
  WAYPOST_ASSIGN_OR_RETURN(Metadata metadata, ReadMetadata(envelope));
  const std::uint64_t offset = envelope.Find(SectionType::kMetadata, 0)->offset;
  Checkpoint checkpoint;
  IalsState& state = checkpoint.state;
  WAYPOST_RETURN_IF_ERROR(DecodeFacts(metadata, offset, checkpoint));
  const SectionReader reader(envelope, std::move(owner), OpenCheck::kFull);
  const auto dimensions = static_cast<std::size_t>(state.options.dimensions);
  const auto read_tables = [&](std::uint32_t model, FactorMatrix& items,
                               SharedArray<double>& eigenvalues) -> absl::Status {
    constexpr SectionType kItems = SectionType::kIalsItemFactors;
    constexpr SectionType kEigenvalues = SectionType::kIalsEigenvalues;
    WAYPOST_ASSIGN_OR_RETURN(items, ReadStateFactors(reader, kItems, model, state.data.items, dimensions));
    WAYPOST_ASSIGN_OR_RETURN(eigenvalues, reader.Array<double>(kEigenvalues, model, dimensions));
    return reader.FromFault(kEigenvalues, model, sizeof(double), CheckEigenvalues(eigenvalues));
  };
  WAYPOST_RETURN_IF_ERROR(read_tables(kLast, state.items, state.eigenvalues));
  if (reader.Has(SectionType::kIalsItemFactors, kKept))
    WAYPOST_RETURN_IF_ERROR(read_tables(kKept, state.kept_items, state.kept_eigenvalues));
  if (reader.Has(SectionType::kIalsUserFactors, kLast)) {
    WAYPOST_ASSIGN_OR_RETURN(
        state.users, ReadStateFactors(reader, SectionType::kIalsUserFactors, kLast, state.data.users, dimensions));
  }
  WAYPOST_ASSIGN_OR_RETURN(const SharedArray<double> loss, ReadNumbers(reader, SectionType::kCheckpointLoss));
  state.loss.assign(loss.begin(), loss.end());
  if (reader.Has(SectionType::kCheckpointValidation, kLast)) {
    WAYPOST_ASSIGN_OR_RETURN(const SharedArray<double> validation,
                             ReadNumbers(reader, SectionType::kCheckpointValidation));
    state.validation.assign(validation.begin(), validation.end());
  }
  if (const absl::Status status = Validate(state); !status.ok())
    return BadMetadata(offset, internal::ToStd(status.message()));
  return checkpoint;
}

}  // namespace
}  // namespace file

absl::Status SaveCheckpoint(const IalsState& state, const Settings& notes, const std::string& path) {
  return file::Guard("SaveCheckpoint", [&]() -> absl::Status {
    WAYPOST_ASSIGN_OR_RETURN(const file::EncodedCheckpoint encoded, file::Encode(state, notes));
    return file::SaveSections(encoded.sections, file::kCheckpointFormat, path);
  });
}

absl::StatusOr<std::vector<std::byte>> SaveCheckpointToMemory(const IalsState& state, const Settings& notes) {
  return file::Guard("SaveCheckpointToMemory", [&]() -> absl::StatusOr<std::vector<std::byte>> {
    WAYPOST_ASSIGN_OR_RETURN(const file::EncodedCheckpoint encoded, file::Encode(state, notes));
    return file::SectionsToMemory(encoded.sections, file::kCheckpointFormat);
  });
}

absl::StatusOr<Checkpoint> OpenCheckpoint(const std::string& path) {
  return file::Guard("OpenCheckpoint", [&]() -> absl::StatusOr<Checkpoint> {
    WAYPOST_ASSIGN_OR_RETURN(std::shared_ptr<const file::MappedFile> mapped, file::MappedFile::Open(path));
    const std::span<const std::byte> bytes = mapped->bytes();
    absl::StatusOr<Checkpoint> checkpoint = file::ReadCheckpoint(bytes, std::move(mapped));
    if (!checkpoint.ok()) return internal::AddContext(absl::StrCat("'", path, "'"), checkpoint.status());
    return checkpoint;
  });
}

absl::StatusOr<Checkpoint> OpenCheckpointFromMemory(std::span<const std::byte> bytes) {
  return file::Guard("OpenCheckpointFromMemory", [&]() -> absl::StatusOr<Checkpoint> {
    auto copy = std::make_shared<const AlignedVector<std::byte>>(bytes.begin(), bytes.end());
    return file::ReadCheckpoint(*copy, copy);
  });
}

}  // namespace waypost
