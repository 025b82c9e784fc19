// waypost/matrix/item_features.hpp - what a catalogue says of items, as a sparse matrix: items x features.
//
// Definition   A feature is a field with one of its values: "type:course", "category:math", "level:beginner",
//              "language:en", "author:li", "tag:python", "title:word", and NAME:VALUE for every further attribute.
//              Letters A..Z count as a..z. A title's words are its runs of ASCII letters and digits and of characters
//              beyond ASCII, but a run of Chinese, Japanese or Korean characters gives its characters and its pairs of
//              neighbours instead. An attribute that is a number and a value of more than 200 bytes are no features.
//              A vocabulary holds the features of at least `min_items` of the items that are trained on; an entry of
//              the matrix is 1.
// Complexity   O(bytes of the catalogue's fields).
// Determinism  A vocabulary is in the order of the catalogue; nothing depends on the order of a hash table.
// Checked by   tests/unit/matrix_item_features_test.cpp.
#ifndef WAYPOST_MATRIX_ITEM_FEATURES_HPP_
#define WAYPOST_MATRIX_ITEM_FEATURES_HPP_

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/event/catalogue.hpp"
#include "waypost/event/id_dictionary.hpp"
#include "waypost/matrix/sparse_matrix.hpp"

namespace waypost {

// The words of a title, in its order, repetitions included: see above.
std::vector<std::string> TitleWords(std::string_view title);

// The features of an item, in the order of the fields above; each once.
std::vector<std::string> FeaturesOf(const CatalogueItem& item);

struct FeatureVocabularyOptions {
  // Of the items trained on, how many must have a feature: one that a single item has says nothing about others.
  std::size_t min_items = 2;
};

// Returns the features that at least options.min_items of the catalogue's items have of those in `items`.
// Errors  kInvalidArgument: min_items 0.  kResourceExhausted: too many features, memory.
absl::StatusOr<IdDictionary> BuildFeatureVocabulary(const Catalogue& catalogue, const IdDictionary& items,
                                                    const FeatureVocabularyOptions& options = {});

// Returns the positions in `vocabulary` of an item's features, ascending.
std::vector<std::uint32_t> FindFeatures(const CatalogueItem& item, const IdDictionary& vocabulary);

// Returns items.size() x vocabulary.size() entries of 1; an item that the catalogue does not have has none.
// Errors  kResourceExhausted: memory.
absl::StatusOr<SparseMatrix> BuildFeatureMatrix(const Catalogue& catalogue, const IdDictionary& items,
                                                const IdDictionary& vocabulary);

}  // namespace waypost

#endif  // WAYPOST_MATRIX_ITEM_FEATURES_HPP_
