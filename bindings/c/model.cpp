// Model files, and what a model holds.
#include <memory>
#include <string>
#include <utility>

#include "guard.hpp"
#include "id_column.hpp"
#include "objects.hpp"
#include "structs.hpp"

namespace waypost::c {
namespace {

// Looks `ids` up in the dictionary that `select` takes from a recommender.
template <typename Select>
waypost_error* FindIds(const char* function, const waypost_model* model, const waypost_ids* ids, std::uint32_t* indices,
                       const Select& select) {
  return Guard(function, [&]() -> absl::Status {
    WAYPOST_ASSIGN_OR_RETURN(const IdColumn column, IdColumn::Read(ids, "ids"));
    if (column.size() > 0) WAYPOST_RETURN_IF_ERROR(Require(indices, "indices"));
    for (std::uint64_t row = 0; row < column.size(); ++row) indices[row] = WAYPOST_NO_INDEX;
    WAYPOST_RETURN_IF_ERROR(Require(model, "model"));
    const IdDictionary& dictionary = select(model->recommender);
    std::string scratch;
    for (std::uint64_t row = 0; row < column.size(); ++row) {
      WAYPOST_ASSIGN_OR_RETURN(indices[row], column.Index(row, dictionary, scratch));
    }
    return absl::OkStatus();
  });
}

// Hands out the text that `read` takes from a recommender for one of `count(recommender)` indices.
template <typename Count, typename Read>
waypost_error* ReadIndexText(const char* function, const waypost_model* model, std::uint32_t index, const char** text,
                             std::uint64_t* size, const Count& count, const Read& read) {
  return Guard(function, [&]() -> absl::Status {
    if (text != nullptr) *text = nullptr;
    if (size != nullptr) *size = 0;
    WAYPOST_RETURN_IF_ERROR(Require(text, "text"));
    WAYPOST_RETURN_IF_ERROR(Require(size, "size"));
    WAYPOST_RETURN_IF_ERROR(Require(model, "model"));
    const std::size_t limit = count(model->recommender);
    if (index >= limit) return absl::OutOfRangeError(absl::StrCat("index: want below ", limit, ", got ", index));
    const std::string_view found = read(model->recommender, index);
    *text = found.empty() ? "" : found.data();
    *size = found.size();
    return absl::OkStatus();
  });
}

std::size_t UserCount(const Recommender& recommender) {
  return recommender.users().size();
}
std::size_t ItemCount(const Recommender& recommender) {
  return recommender.items().size();
}

}  // namespace
}  // namespace waypost::c

waypost_error* waypost_model_save(const waypost_model* model, const char* path, uint64_t path_size) {
  return waypost::c::Guard(__func__, [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(waypost::c::Require(model, "model"));
    WAYPOST_ASSIGN_OR_RETURN(const std::string file, waypost::c::ReadPath(path, path_size, "path"));
    WAYPOST_RETURN_IF_ERROR(waypost::SaveBundle(model->bundle, file));
    waypost::c::Log(WAYPOST_LOG_INFO, "waypost_model_save", file);
    return absl::OkStatus();
  });
}

waypost_error* waypost_model_open(const char* path, uint64_t path_size, const waypost_open_options* options,
                                  waypost_model** model) {
  return waypost::c::Guard(__func__, [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(waypost::c::Require(model, "model"));
    *model = nullptr;
    WAYPOST_ASSIGN_OR_RETURN(const std::string file, waypost::c::ReadPath(path, path_size, "path"));
    WAYPOST_ASSIGN_OR_RETURN(
        const waypost_open_options read,
        waypost::c::ReadOptional(options, waypost_open_options(WAYPOST_OPEN_OPTIONS_INIT), "waypost_open_options"));
    WAYPOST_ASSIGN_OR_RETURN(const auto check, waypost::c::ReadEnum(read.check, waypost::OpenCheck::kStructure,
                                                                    "waypost_open_options.check"));
    WAYPOST_ASSIGN_OR_RETURN(waypost::ModelBundle bundle, waypost::OpenBundle(file, {.check = check}));
    WAYPOST_ASSIGN_OR_RETURN(std::unique_ptr<waypost_model> made, waypost::c::MakeModel(std::move(bundle)));
    waypost::c::Log(WAYPOST_LOG_INFO, "waypost_model_open", file);
    *model = made.release();
    return absl::OkStatus();
  });
}

void waypost_model_free(waypost_model* model) {
  delete model;
}

waypost_error* waypost_model_get_info(const waypost_model* model, waypost_model_info* info) {
  return waypost::c::Guard(__func__, [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(
        waypost::c::ValidateStructSize(info, sizeof(*info), alignof(waypost_model_info), "waypost_model_info"));
    waypost_model_info filled = WAYPOST_MODEL_INFO_INIT;
    waypost::c::WriteStruct(info, filled);
    WAYPOST_RETURN_IF_ERROR(waypost::c::Require(model, "model"));
    filled.model_count = static_cast<std::uint32_t>(model->bundle.models.size());
    filled.users = model->bundle.users.size();
    filled.items = model->bundle.items.size();
    filled.events = model->bundle.facts.events;
    filled.pairs = model->bundle.facts.pairs;
    filled.has_history = model->bundle.history.rows() > 0;
    filled.has_titles = model->bundle.titles.size() > 0;
    waypost::c::WriteStruct(info, filled);
    return absl::OkStatus();
  });
}

waypost_error* waypost_model_get_named(const waypost_model* model, uint32_t position, waypost_named_model* named) {
  return waypost::c::Guard(__func__, [&]() -> absl::Status {
    WAYPOST_RETURN_IF_ERROR(
        waypost::c::ValidateStructSize(named, sizeof(*named), alignof(waypost_named_model), "waypost_named_model"));
    waypost_named_model filled = WAYPOST_NAMED_MODEL_INIT;
    waypost::c::WriteStruct(named, filled);
    WAYPOST_RETURN_IF_ERROR(waypost::c::Require(model, "model"));
    const auto& models = model->bundle.models;
    if (position >= models.size())
      return absl::OutOfRangeError(absl::StrCat("position: want below ", models.size(), ", got ", position));
    const waypost::NamedModel& found = models[position];
    filled.is_default = found.name == model->bundle.default_model;
    filled.name = found.name.data();
    filled.name_size = found.name.size();
    filled.kind = found.scorer->kind().data();
    filled.kind_size = found.scorer->kind().size();
    filled.dimensions = found.scorer->dimensions();
    waypost::c::WriteStruct(named, filled);
    return absl::OkStatus();
  });
}

waypost_error* waypost_model_find_users(const waypost_model* model, const waypost_ids* ids, uint32_t* indices) {
  return waypost::c::FindIds(
      __func__, model, ids, indices, [](const auto& recommender) -> const auto& { return recommender.users(); });
}

waypost_error* waypost_model_find_items(const waypost_model* model, const waypost_ids* ids, uint32_t* indices) {
  return waypost::c::FindIds(
      __func__, model, ids, indices, [](const auto& recommender) -> const auto& { return recommender.items(); });
}

waypost_error* waypost_model_user_id(const waypost_model* model, uint32_t user, const char** text, uint64_t* size) {
  return waypost::c::ReadIndexText(
      __func__, model, user, text, size, waypost::c::UserCount,
      [](const waypost::Recommender& recommender, std::uint32_t index) { return recommender.users().id(index); });
}

waypost_error* waypost_model_item_id(const waypost_model* model, uint32_t item, const char** text, uint64_t* size) {
  return waypost::c::ReadIndexText(
      __func__, model, item, text, size, waypost::c::ItemCount,
      [](const waypost::Recommender& recommender, std::uint32_t index) { return recommender.items().id(index); });
}

waypost_error* waypost_model_item_title(const waypost_model* model, uint32_t item, const char** text, uint64_t* size) {
  return waypost::c::ReadIndexText(__func__, model, item, text, size, waypost::c::ItemCount,
                                   [](const waypost::Recommender& recommender, std::uint32_t index) {
                                     return recommender.titles().title(waypost::ItemIndex{index});
                                   });
}
