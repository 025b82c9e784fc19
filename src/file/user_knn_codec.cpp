// User kNN in a model file: the interactions in both orientations, the terms of users and items, and the options as
// parameters.
#include <utility>
#include <variant>

#include "file/model_codec.hpp"
#include "waypost/model/user_knn_model.hpp"

namespace waypost::file {

absl::StatusOr<EncodedModel> EncodeUserKnn(const UserKnnModel& knn, std::uint32_t model, std::uint64_t users) {
  WAYPOST_RETURN_IF_ERROR(Validate(knn.options()));
  const UserKnnTable& table = knn.table();
  EncodedModel encoded;
  encoded.version_minor = 2;
  encoded.parameters = FormatOptions(knn.options());
  WAYPOST_RETURN_IF_ERROR(
      EncodeInteractions("UserKnnModel.table", table.user_item, table.item_user, model, users, encoded.sections));
  WAYPOST_RETURN_IF_ERROR(EncodeScale("UserKnnModel.table.user_terms", table.user_terms, SectionType::kGraphUserScale,
                                      model, encoded.sections));
  WAYPOST_RETURN_IF_ERROR(EncodeScale("UserKnnModel.table.item_weights", table.item_weights,
                                      SectionType::kGraphItemScale, model, encoded.sections));
  return encoded;
}

absl::StatusOr<std::shared_ptr<const Scorer>> DecodeUserKnn(const SectionReader& reader, const ModelMetadata& metadata,
                                                            std::uint32_t model, std::uint64_t users,
                                                            std::uint64_t items) {
  WAYPOST_ASSIGN_OR_RETURN(const ModelOptions options, ReadModelOptions(metadata, model));
  WAYPOST_ASSIGN_OR_RETURN(DecodedInteractions interactions, DecodeInteractions(reader, model, users, items));
  UserKnnTable table{.user_item = std::move(interactions.user_item),
                     .item_user = std::move(interactions.item_user),
                     .user_terms = {},
                     .item_weights = {}};
  WAYPOST_ASSIGN_OR_RETURN(table.user_terms, DecodeScale(reader, SectionType::kGraphUserScale, model, users));
  WAYPOST_ASSIGN_OR_RETURN(table.item_weights, DecodeScale(reader, SectionType::kGraphItemScale, model, items));
  return std::make_shared<const UserKnnModel>(std::get<UserKnnOptions>(options), std::move(table));
}

}  // namespace waypost::file
