// waypost/file/checkpoint.hpp - the file that a training is gone on with from: docs/checkpoint-format.md.
//
// (1) A file is written under a temporary name, flushed and renamed: after any crash there is the former checkpoint or
//     the new one, whole.
// (2) Equal states give equal bytes.
// (3) An opened checkpoint uses the file in place, from a read-only mapping that its arrays keep alive; a training may
//     replace the file that it goes on from.
#ifndef WAYPOST_FILE_CHECKPOINT_HPP_
#define WAYPOST_FILE_CHECKPOINT_HPP_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "waypost/base/status.hpp"
#include "waypost/file/model_bundle.hpp"
#include "waypost/model/ials_state.hpp"

namespace waypost {

struct Checkpoint {
  IalsState state;
  Settings notes;  // of the program that trains, for itself; the library does not look at them
};

// Writes a checkpoint to `path`, replacing a file of that name. Whatever the error, a file that was at `path` is intact
// and no other file is left behind.
//
// Errors  kInvalidArgument: a state whose parts do not fit together or are not finite, too many or too long notes.  The
//         system's own, e.g. kResourceExhausted for a full disk.
// Cost    one pass over the arrays for the checks, one for the checksums, one write; no copy of an array.
absl::Status SaveCheckpoint(const IalsState& state, const Settings& notes, const std::string& path);

// The bytes that SaveCheckpoint would write.
absl::StatusOr<std::vector<std::byte>> SaveCheckpointToMemory(const IalsState& state, const Settings& notes);

// Reads a checkpoint and checks every byte of it.
//
// Errors  kNotFound: no such file.  kDataLoss: the file is damaged or no checkpoint; names the section, the offset and
//         what was expected and found.  kUnimplemented: the file needs a newer reader; names the version.
absl::StatusOr<Checkpoint> OpenCheckpoint(const std::string& path);

// As OpenCheckpoint, from a copy of `bytes`.
absl::StatusOr<Checkpoint> OpenCheckpointFromMemory(std::span<const std::byte> bytes);

}  // namespace waypost

#endif  // WAYPOST_FILE_CHECKPOINT_HPP_
