// waypost/file/first_items.hpp - the item vectors of an older model, for a training of users and items that were since
// added, removed or reordered.
#ifndef WAYPOST_FILE_FIRST_ITEMS_HPP_
#define WAYPOST_FILE_FIRST_ITEMS_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "waypost/base/factor_matrix.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/id_dictionary.hpp"
#include "waypost/file/model_bundle.hpp"
#include "waypost/model/ials_model.hpp"

namespace waypost {

// Returns TrainingControl::first_items for a training of `items` with `dimensions`: by id, from the default model of
// `older` if that is iALS, otherwise from its first iALS model; rows of 0 for items that it does not know. Users need
// nothing: their vectors follow from those of the items.
//
// Errors  kFailedPrecondition: `older` has no iALS model.  kInvalidArgument: it has other dimensions.
//         kResourceExhausted: memory.
inline absl::StatusOr<FactorMatrix> FirstItemsFrom(const ModelBundle& older, const IdDictionary& items,
                                                   int dimensions) try {
  const IalsModel* model = nullptr;
  std::string kinds;
  for (const NamedModel& named : older.models) {
    absl::StrAppend(&kinds, kinds.empty() ? "" : ", ", internal::ToAbsl(named.scorer->kind()));
    const auto* ials = dynamic_cast<const IalsModel*>(named.scorer.get());
    if (ials != nullptr && (model == nullptr || named.name == older.default_model)) model = ials;
  }
  if (model == nullptr)
    return absl::FailedPreconditionError(absl::StrCat("older model: want one of kind ials, got ", kinds));
  const FactorMatrix& known = model->item_factors();
  if (known.dimensions() != static_cast<std::size_t>(dimensions))
    return absl::InvalidArgumentError(
        absl::StrCat("older model.dimensions: want ", dimensions, ", got ", known.dimensions()));
  const std::size_t stride = known.stride();
  AlignedVector<float> rows(items.size() * stride, 0.0f);
  for (std::uint32_t item = 0; item < items.size(); ++item)
    if (const std::optional<std::uint32_t> row = older.items.Find(items.id(item)); row && *row < known.rows())
      std::copy_n(known.row(*row), stride, rows.begin() + static_cast<std::ptrdiff_t>(item * stride));
  return FactorMatrix(items.size(), known.dimensions(), SharedArray<float>(std::move(rows)));
} catch (const std::bad_alloc&) {
  return absl::ResourceExhaustedError(absl::StrCat("older model: want memory for ", items.size(), " item vectors"));
}

}  // namespace waypost

#endif  // WAYPOST_FILE_FIRST_ITEMS_HPP_
