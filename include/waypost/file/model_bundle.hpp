// waypost/file/model_bundle.hpp - the `.waypost` file: one user and one item dictionary, titles, the users' history
// and 1..n named models, one of them the default. docs/model-format.md is the format.
//
// (1) A file is written under a temporary name, flushed and renamed: a reader sees the old file or the new one.
// (2) Equal bundles give equal bytes. No time, duration, host name, path or thread count is stored.
// (3) An opened bundle uses the file in place: its arrays lie in a read-only mapping that the values keep alive, shared
//     by all processes that map it. The file must be replaced by a rename, never changed in place.
// (4) Arrays in a file are never trusted. kFull checks every value when the file is opened. kStructure checks sizes and
//     the ends of every offset array; what lies between is bounded where it is read: IdDictionary::id and ::Find,
//     ItemTitles::title and SparseMatrix::row cut a damaged range to the array, and Scorers check each index.
#ifndef WAYPOST_FILE_MODEL_BUNDLE_HPP_
#define WAYPOST_FILE_MODEL_BUNDLE_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/event/id_dictionary.hpp"
#include "waypost/event/item_titles.hpp"
#include "waypost/matrix/sparse_matrix.hpp"
#include "waypost/model/scorer.hpp"

namespace waypost {

// Limits of the format: they bound what a reader does for a file that it does not trust.
inline constexpr std::size_t kMaxModels = 64;
inline constexpr std::size_t kMaxModelNameBytes = 64;
inline constexpr std::size_t kMaxSettings = 256;       // in one list
inline constexpr std::size_t kMaxSettingBytes = 1024;  // of a name or of a value

using Settings = std::vector<std::pair<std::string, std::string>>;  // name, value; UTF-8

struct NamedModel {
  std::string name;  // [a-z0-9][a-z0-9._-]*, at most 64 bytes, unique in the bundle
  std::shared_ptr<const Scorer> scorer;
  Settings options;  // what it was trained with, for people; FormatOptions of model/model_spec.hpp
};

// What the models were trained on.
struct TrainingFacts {
  std::uint64_t events = 0;  // rows of the event log
  std::uint64_t users = 0;
  std::uint64_t items = 0;
  std::uint64_t pairs = 0;  // distinct user-item pairs trained on
  Settings settings;        // how events became strengths, for people

  friend bool operator==(const TrainingFacts&, const TrainingFacts&) = default;
};

struct ModelBundle {
  IdDictionary users;
  IdDictionary items;
  ItemTitles titles;     // of all items, or none
  SparseMatrix history;  // users x items as Interactions::history, or 0 rows when it was left out
  std::vector<NamedModel> models;
  std::string default_model;  // the name of one of them
  TrainingFacts facts;
};

enum class OpenCheck {
  kFull,  // every checksum and every value: reads the whole file once
  // Sizes, table and metadata; for files that were verified before. Reads no large array: O(1). Factors and scores that
  // are not finite go unnoticed until the Scorer refuses to rank by them; a damaged index of iALS may miss items.
  kStructure,
};

struct OpenOptions {
  OpenCheck check = OpenCheck::kFull;
};

// Writes `bundle` to `path`, replacing a file of that name. Whatever the error, a file that was at `path` is intact and
// no other file is left behind.
//
// Errors  kInvalidArgument: names the member of the bundle that breaks a rule of the format.  kUnimplemented: a kind of
//         model that has no codec; `path` names a device or a pipe.  The system's own, e.g. kResourceExhausted for a
//         full disk, kPermissionDenied.
// Cost    one pass over the arrays for the checks, one for the checksums, one write; no copy of an array. An iALS model
//         that was not searched before builds its index.
absl::Status SaveBundle(const ModelBundle& bundle, const std::string& path);

// Whether SaveBundle could write to `path` now, which is worth asking before a long training. Leaves nothing behind.
//
// Errors  the system's own, as SaveBundle.  kInvalidArgument: `path` names a device or a pipe.
absl::Status CheckSavePath(const std::string& path);

// The bytes that SaveBundle would write.
absl::StatusOr<std::vector<std::byte>> SaveBundleToMemory(const ModelBundle& bundle);

// Errors  kNotFound: no such file.  kDataLoss: the file is damaged or no bundle; names the section, the offset, what
//         was expected and found.  kUnimplemented: the file needs a newer reader; names the version or the feature.
// Cost    see OpenCheck; allocates the metadata and one small object a model.
absl::StatusOr<ModelBundle> OpenBundle(const std::string& path, const OpenOptions& options = {});

// As OpenBundle, from a copy of `bytes`.
// Lifetime  `bytes` is borrowed for the call.
absl::StatusOr<ModelBundle> OpenBundleFromMemory(std::span<const std::byte> bytes, const OpenOptions& options = {});

}  // namespace waypost

#endif  // WAYPOST_FILE_MODEL_BUNDLE_HPP_
