// waypost/file/catalogue_items.hpp - items of a catalogue that a model bundle does not know, known by their features.
#ifndef WAYPOST_FILE_CATALOGUE_ITEMS_HPP_
#define WAYPOST_FILE_CATALOGUE_ITEMS_HPP_

#include <cstddef>

#include "waypost/base/parallel.hpp"
#include "waypost/base/status.hpp"
#include "waypost/event/catalogue.hpp"
#include "waypost/file/model_bundle.hpp"

namespace waypost {

// Adds the catalogue's items that have a feature which a model of the bundle learned, behind the bundle's own and in
// the order of the catalogue, and returns how many. They are ranked from then on as any other item; popularity gives
// them the score 0. A bundle without a map of features (model/feature_map.hpp) stays as it is.
//
// Errors  kFailedPrecondition: beside the model with a map the bundle has one that cannot take new items.
//         kResourceExhausted: memory.  The bundle is then as it was.
// Cost    a copy of the item vectors, ids and titles where an item is added.
absl::StatusOr<std::size_t> AddCatalogueItems(const Catalogue& catalogue, ModelBundle& bundle,
                                              const Parallelism& parallelism = {});

}  // namespace waypost

#endif  // WAYPOST_FILE_CATALOGUE_ITEMS_HPP_
