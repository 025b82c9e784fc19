#include "continuation.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "table.hpp"
#include "training.hpp"
#include "waypost/base/number_text.hpp"
#include "waypost/file/first_items.hpp"

namespace waypost::cli {
namespace {

// Names of the notes in a checkpoint.
constexpr std::string_view kPhaseNote = "phase";
constexpr std::string_view kSearchNote = "search";
constexpr std::string_view kSearchedNote = "searched";
constexpr std::array<std::string_view, 2> kPhaseNames = {"search", "final"};

absl::Status AddFlagContext(std::string_view flag, const absl::Status& status) {
  return internal::AddContext(flag, status);
}

// Measures as texts that fit into a note.
Settings SearchedNotes(const std::vector<double>& values) {
  constexpr std::size_t kNumbers = 40;  // a note holds 1024 bytes, a number takes 25 at most
  Settings notes;
  for (std::size_t begin = 0; begin < values.size(); begin += kNumbers) {
    std::string text;
    for (std::size_t n = begin; n < std::min(values.size(), begin + kNumbers); ++n)
      text += (text.empty() ? "" : " ") + internal::NumberText(values[n]);
    notes.emplace_back(kSearchedNote, text);
  }
  return notes;
}

}  // namespace

void AddContinuationFlags(Verb& verb, ContinuationFlags& flags) {
  constexpr char kGroup[] = "Going on";
  verb.Option("--checkpoint", "FILE", flags.checkpoint, "Keep the training here while it runs, to --resume it")
      .Group(kGroup);
  verb.Option("--checkpoint-every", "N", flags.every, "Epochs from one checkpoint to the next; else 1")
      .Between(1, 10000)
      .Group(kGroup);
  verb.Option("--resume", "FILE", flags.resume,
              "Go on with the training of this checkpoint: same events, same options; more epochs are allowed")
      .Group(kGroup);
  verb.Option("--warm-start", "FILE", flags.warm_start,
              "Begin from the item vectors of this older model file, matched by id: fewer epochs are needed")
      .Group(kGroup);
}

absl::Status CheckContinuation(const ContinuationFlags& flags, const ModelOptions& options, const std::string& out) {
  if (flags.every && flags.checkpoint.empty())
    return UsageError("--checkpoint-every: want --checkpoint FILE beside it");
  if (!flags.resume.empty() && !flags.warm_start.empty())
    return UsageError("--warm-start: want it without --resume, which goes on with vectors of its own");
  if (!flags.checkpoint.empty() && flags.checkpoint == out)
    return UsageError("--checkpoint: want another file than --out, got '" + out + "'");
  for (const auto& [flag, value] : {std::pair("--checkpoint", &flags.checkpoint), std::pair("--resume", &flags.resume),
                                    std::pair("--warm-start", &flags.warm_start)})
    if (!value->empty() && !std::holds_alternative<IalsOptions>(options))
      return UsageError(std::string(flag) + ": want a model that trains in epochs, got " +
                        std::string(ModelKind(options)));
  return absl::OkStatus();
}

absl::StatusOr<Continuation> Continuation::Open(const ContinuationFlags& flags, const std::string& search) {
  Continuation continuation;
  continuation.flags_ = flags;
  continuation.search_ = search;
  if (!flags.checkpoint.empty())
    if (const absl::Status writable = CheckSavePath(flags.checkpoint); !writable.ok())
      return AddFlagContext("--checkpoint", writable);
  if (flags.resume.empty()) return continuation;
  absl::StatusOr<Checkpoint> opened = OpenCheckpoint(flags.resume);
  if (!opened.ok()) return AddFlagContext("--resume", opened.status());
  std::string made_with;
  for (const auto& [name, value] : opened->notes) {
    if (name == kSearchNote) made_with = value;
    if (name == kPhaseNote && value == kPhaseNames[0]) continuation.phase_ = TrainingPhase::kSearch;
    if (name != kSearchedNote) continue;
    std::istringstream numbers(value);
    for (std::string text; numbers >> text;)
      if (double number = 0; internal::ReadNumber(text, number)) continuation.searched_.push_back(number);
  }
  if (made_with != search) {
    const auto shown = [](const std::string& text) { return text.empty() ? std::string("none") : text; };
    return absl::InvalidArgumentError(
        "--resume: want the early stop (metric, share, seed) that the checkpoint was made with, " + shown(made_with) +
        ", got " + shown(search));
  }
  continuation.kept_ = absl::StrCat("'", flags.resume, "' still holds epoch ", opened->state.epoch);
  continuation.checkpoint_ = *std::move(opened);
  return continuation;
}

const IalsState* Continuation::resumed(TrainingPhase phase) const {
  return checkpoint_ && phase_ == phase ? &checkpoint_->state : nullptr;
}

absl::Status Continuation::Prepare(TrainingPhase phase, const ModelOptions& options, const IdDictionary& items,
                                   const std::vector<double>& searched, Console& console, TrainingControl& control) {
  control.resume = resumed(phase);
  if (control.resume != nullptr)
    console.Note(absl::StrCat("going on after epoch ", control.resume->epoch, " of '", flags_.resume, "'"));
  if (!flags_.warm_start.empty()) {
    const absl::StatusOr<ModelBundle> older = OpenBundle(flags_.warm_start);
    if (!older.ok()) return AddFlagContext("--warm-start", older.status());
    absl::StatusOr<FactorMatrix> first = FirstItemsFrom(*older, items, std::get<IalsOptions>(options).dimensions);
    if (!first.ok()) return AddFlagContext("--warm-start", first.status());
    control.first_items = *std::move(first);
  }
  if (flags_.checkpoint.empty()) return absl::OkStatus();
  control.checkpoint_every = flags_.every.value_or(1);
  Settings notes = {{std::string(kPhaseNote), std::string(kPhaseNames[phase == TrainingPhase::kSearch ? 0 : 1])}};
  if (!search_.empty()) notes.emplace_back(kSearchNote, search_);
  for (auto& note : SearchedNotes(searched)) notes.push_back(std::move(note));
  control.checkpoint = [this, notes = std::move(notes)](const IalsState& state) {
    WAYPOST_RETURN_IF_ERROR(SaveCheckpoint(state, notes, flags_.checkpoint));
    kept_ = absl::StrCat("'", flags_.checkpoint, "' holds epoch ", state.epoch, "; --resume it");
    return absl::OkStatus();
  };
  return absl::OkStatus();
}

absl::Status Continuation::Interruption() const {
  return kept_.empty() ? cli::Interruption() : absl::CancelledError("interrupted: " + kept_);
}

}  // namespace waypost::cli
