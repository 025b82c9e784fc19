// Between models and sections: which arrays and parameters each kind of model has in a file.
//
// Models know nothing of files; a kind of model is added here, in format.hpp and in docs/model-format.md.
#ifndef WAYPOST_SRC_FILE_MODEL_CODEC_HPP_
#define WAYPOST_SRC_FILE_MODEL_CODEC_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "file/envelope.hpp"
#include "file/metadata.hpp"
#include "file/section_reader.hpp"
#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/status.hpp"
#include "waypost/model/model_spec.hpp"
#include "waypost/model/scorer.hpp"

namespace waypost {
class BlendModel;
class ExplicitAlsModel;
class GraphFilterModel;
class IalsModel;
class LogisticMfModel;
class PairwiseModel;
class UserKnnModel;
}  // namespace waypost

namespace waypost::file {

struct EncodedModel {
  Settings parameters;
  std::vector<SectionSource> sections;  // borrowed from the model
  std::uint16_t version_minor = 1;      // the first version of the format whose readers know the kind
};

// Errors  kInvalidArgument: a shape or value that breaks a rule of the format.  kUnimplemented: a kind without codec.
absl::StatusOr<EncodedModel> EncodeModel(const Scorer& scorer, std::uint32_t model, std::uint64_t users,
                                         std::uint64_t items);

// Errors  kDataLoss; kUnimplemented: a kind of a newer version.
absl::StatusOr<std::shared_ptr<const Scorer>> DecodeModel(const SectionReader& reader, const ModelMetadata& metadata,
                                                          std::uint32_t model, std::uint64_t users,
                                                          std::uint64_t items);

// The codecs of single kinds that fill a file of their own.
absl::StatusOr<EncodedModel> EncodeIals(const IalsModel& ials, std::uint32_t model);
absl::StatusOr<std::shared_ptr<const Scorer>> DecodeIals(const SectionReader& reader, const Settings& parameters,
                                                         std::uint32_t model, std::uint64_t users, std::uint64_t items);
absl::StatusOr<EncodedModel> EncodeGraphFilter(const GraphFilterModel& filter, std::uint32_t model,
                                               std::uint64_t users);
absl::StatusOr<std::shared_ptr<const Scorer>> DecodeGraphFilter(const SectionReader& reader,
                                                                const ModelMetadata& metadata, std::uint32_t model,
                                                                std::uint64_t users, std::uint64_t items);

// A blend has no sections: its parts are models of the file, named by a parameter.
absl::StatusOr<EncodedModel> EncodeBlend(const BlendModel& blend, const std::vector<std::string>& parts);

// The models of a file, or why they cannot be read; blends after their parts.
std::vector<absl::StatusOr<std::shared_ptr<const Scorer>>> DecodeModels(const SectionReader& reader,
                                                                        const Metadata& metadata);

// The options of a model of this kind from its parameters; those that its option table does not have are a newer
// version's.
// Errors  kDataLoss.
absl::StatusOr<ModelOptions> ReadModelOptions(const ModelMetadata& metadata, std::uint32_t model);

absl::StatusOr<EncodedModel> EncodePairwise(const PairwiseModel& pairwise, std::uint32_t model);
absl::StatusOr<std::shared_ptr<const Scorer>> DecodePairwise(const SectionReader& reader, const ModelMetadata& metadata,
                                                             std::uint32_t model, std::uint64_t users,
                                                             std::uint64_t items);

absl::StatusOr<EncodedModel> EncodeExplicitAls(const ExplicitAlsModel& als, std::uint32_t model);
absl::StatusOr<std::shared_ptr<const Scorer>> DecodeExplicitAls(const SectionReader& reader,
                                                                const ModelMetadata& metadata, std::uint32_t model,
                                                                std::uint64_t users, std::uint64_t items);

absl::StatusOr<EncodedModel> EncodeUserKnn(const UserKnnModel& knn, std::uint32_t model, std::uint64_t users);
absl::StatusOr<std::shared_ptr<const Scorer>> DecodeUserKnn(const SectionReader& reader, const ModelMetadata& metadata,
                                                            std::uint32_t model, std::uint64_t users,
                                                            std::uint64_t items);

absl::StatusOr<EncodedModel> EncodeLogisticMf(const LogisticMfModel& factors, std::uint32_t model);
absl::StatusOr<std::shared_ptr<const Scorer>> DecodeLogisticMf(const SectionReader& reader,
                                                               const ModelMetadata& metadata, std::uint32_t model,
                                                               std::uint64_t users, std::uint64_t items);

// The interactions `what` that a model holds, in both orientations: the sections kGraphUserOffsets to kGraphItemValues.
absl::Status EncodeInteractions(std::string_view what, const SparseMatrix& user_item, const SparseMatrix& item_user,
                                std::uint32_t model, std::uint64_t users, std::vector<SectionSource>& sections);
struct DecodedInteractions {
  SparseMatrix user_item;
  SparseMatrix item_user;
};
absl::StatusOr<DecodedInteractions> DecodeInteractions(const SectionReader& reader, std::uint32_t model,
                                                       std::uint64_t users, std::uint64_t items);

// One number >= 0 a user or item.
absl::Status EncodeScale(std::string_view what, const SharedArray<float>& scale, SectionType type, std::uint32_t model,
                         std::vector<SectionSource>& sections);
absl::StatusOr<SharedArray<float>> DecodeScale(const SectionReader& reader, SectionType type, std::uint32_t model,
                                               std::uint64_t count);

// The writer's check of a factor table `what`.
absl::Status CheckFactors(std::string_view what, const FactorMatrix& table, std::size_t dimensions);
// The section as a factor table, in place.
absl::StatusOr<FactorMatrix> ReadFactors(const SectionReader& reader, SectionType type, std::uint32_t model,
                                         std::uint64_t rows, std::size_t dimensions);

// The writer's error for a fault in the member `what` of a model; OK for none.
absl::Status FaultOf(std::string_view what, const std::optional<Fault>& fault);

}  // namespace waypost::file

#endif  // WAYPOST_SRC_FILE_MODEL_CODEC_HPP_
