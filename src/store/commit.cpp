#include "store/commit.hpp"

#include <algorithm>
#include <utility>

#include "store/chunk.hpp"
#include "store/layout.hpp"
#include "store/segment.hpp"

namespace waypost::store {
namespace {

constexpr std::uint64_t kMagic = 0x0A0D9C54504F5957u;  // "WYOPT" 0x9C CR LF
constexpr std::size_t kIdsInPart = std::size_t{1} << 16;
constexpr std::size_t kOpenIds = 512;  // a part of fewer ids takes in what follows

}  // namespace

absl::StatusOr<std::uint32_t> FreshIds::Resolve(std::string_view id) {
  const std::uint32_t known = mirror_->Find(id);
  if (known != kEmptySlot && known < count_) return known;
  return AddUnknown(id);
}

absl::StatusOr<std::uint32_t> FreshIds::AddUnknown(std::string_view id) {
  if (end() >= kMaxEntities)
    return absl::ResourceExhaustedError(absl::StrCat("ids: want at most ", kMaxEntities, ", got one more"));
  WAYPOST_ASSIGN_OR_RETURN(const std::uint32_t added, ids_.Add(id));
  return static_cast<std::uint32_t>(count_ + added);
}

absl::Status FreshIds::Write(Writing& writing) const {
  if (ids_.size() == 0) return absl::OkStatus();
  std::uint64_t first = count_;
  std::vector<std::string> open;  // of a part that is rewritten
  WAYPOST_ASSIGN_OR_RETURN(const std::optional<Entry> last, writing.Last(table_));
  if (last) {
    WAYPOST_ASSIGN_OR_RETURN(const StoredIds stored, DecodeIds(table_, last->value));
    if (stored.first + stored.ids.size() != count_)
      return absl::DataLossError(absl::StrCat("table ", internal::ToAbsl(Name(table_)), ": want ids up to ", count_,
                                              ", got them up to ", stored.first + stored.ids.size()));
    if (stored.ids.size() + std::min<std::size_t>(ids_.size(), kOpenIds) <= kOpenIds) {
      first = stored.first;
      open.assign(stored.ids.begin(), stored.ids.end());
    }
  }
  std::vector<std::string_view> texts(open.begin(), open.end());
  for (std::uint32_t n = 0; n < ids_.size(); ++n) texts.push_back(ids_.id(n));
  for (std::size_t begin = 0; begin < texts.size(); begin += kIdsInPart) {
    ValueWriter value;
    const std::size_t count = std::min(kIdsInPart, texts.size() - begin);
    const Bytes bytes = EncodeIds(table_, first + begin, std::span(texts).subspan(begin, count), value);
    WAYPOST_RETURN_IF_ERROR(writing.Put(table_, first + begin, bytes, /*at_end=*/open.empty() || begin > 0));
  }
  return absl::OkStatus();
}

absl::Status Commit::Begin(Writing& writing) {
  writing_ = &writing;
  rows_.Clear();
  sources_.clear();
  WAYPOST_ASSIGN_OR_RETURN(state_, ReadState(writing));
  state_.moved = 0;  // who writes has opened the file that counts
  forgotten_.clear();
  if (state_.forgotten_users > 0) {
    WAYPOST_ASSIGN_OR_RETURN(forgotten_, ReadForgotten(writing));
  }
  WAYPOST_RETURN_IF_ERROR(users_.Begin(writing, state_.users, forgotten_));
  return items_.Begin(writing, state_.items, {});
}

absl::StatusOr<Source*> Commit::FindSource(const std::string& name) {
  const auto [at, fresh] = sources_.try_emplace(name);
  if (fresh) {
    WAYPOST_ASSIGN_OR_RETURN(const std::optional<Bytes> value, writing_->Get(Table::kSources, std::string_view(name)));
    if (value) {
      WAYPOST_ASSIGN_OR_RETURN(at->second, DecodeSource(*value));
    }
  }
  return &at->second;
}

absl::Status Commit::AddSegments(const std::vector<std::vector<std::byte>>& segments, std::size_t rows) {
  WAYPOST_RETURN_IF_ERROR(WriteRows());
  for (const std::vector<std::byte>& segment : segments) {
    WAYPOST_ASSIGN_OR_RETURN(const SegmentView view,
                             SegmentView::Open(LoadAt<std::uint64_t>(segment.data() + 16), segment));
    WAYPOST_RETURN_IF_ERROR(writing_->Put(Table::kSegments, view.first_row(), segment));
  }
  state_.end_row += rows;
  state_.events += rows;
  state_.sealed_events += rows;
  ++state_.layout_version;
  return absl::OkStatus();
}

absl::Status Commit::WriteRows() {
  const std::size_t count = rows_.size();
  if (count == 0) return absl::OkStatus();
  Rows joined;
  std::uint64_t first = state_.end_row;
  WAYPOST_ASSIGN_OR_RETURN(const std::optional<Entry> last, writing_->Last(Table::kChunks));
  bool open = false;
  if (last) {
    WAYPOST_ASSIGN_OR_RETURN(const ChunkView chunk, ChunkView::Open(last->number(), last->value));
    if (chunk.end_row() == first && chunk.size() + count <= kOpenChunkRows) {
      WAYPOST_RETURN_IF_ERROR(chunk.Verify());
      open = true;
      first = chunk.first_row();
      joined.Resize(chunk.size());
      chunk.Decode(0, chunk.size(), RowsTarget::Of(joined, 0));
      joined.Append(rows_, 0);
    }
  }
  // An older store wants a newer reader from its first chunk of ours on.
  WAYPOST_ASSIGN_OR_RETURN(const std::uint64_t features, CheckFormat(*writing_));
  if ((features & kChunksInPlanes) == 0) WAYPOST_RETURN_IF_ERROR(PutFormat(*writing_, features | kChunksInPlanes));
  const Rows& all = open ? joined : rows_;
  const std::size_t total = all.size();
  for (std::size_t begin = 0; begin < total; begin += kMaxChunkRows) {
    const std::size_t size = std::min(kMaxChunkRows, total - begin);
    const ChunkWriter chunk(all.View(begin, size, first + begin));
    WAYPOST_ASSIGN_OR_RETURN(const std::span<std::byte> target,
                             writing_->Reserve(Table::kChunks, first + begin, chunk.bytes(), !open));
    chunk.Write(target);
  }
  state_.end_row += count;
  state_.events += count;
  rows_.Clear();
  return absl::OkStatus();
}

absl::Status Commit::Finish() {
  WAYPOST_RETURN_IF_ERROR(WriteRows());
  WAYPOST_RETURN_IF_ERROR(users_.Write(*writing_));
  WAYPOST_RETURN_IF_ERROR(items_.Write(*writing_));
  state_.users = users_.end();
  state_.items = items_.end();
  for (const auto& [name, source] : sources_) {
    ValueWriter value;
    WAYPOST_RETURN_IF_ERROR(writing_->Put(Table::kSources, std::string_view(name), EncodeSource(source, value)));
  }
  ++state_.commits;
  return PutState(*writing_, state_);
}

absl::Status PutState(Writing& writing, const State& state) {
  ValueWriter value;
  return writing.Put(Table::kState, kStateKey, EncodeState(state, value));
}

absl::Status PutFormat(Writing& writing, std::uint64_t features) {
  ValueWriter format;
  format.Number(kMagic);
  format.Number(kFormatMajor);
  format.Number(kFormatMinor);
  format.Number(features);
  format.Number(std::uint64_t{0});  // what a reader may ignore
  return writing.Put(Table::kState, kFormatKey, format.Finish(Table::kState));
}

absl::Status PutEmptyStore(Writing& writing) {
  WAYPOST_RETURN_IF_ERROR(PutFormat(writing, kChunksInPlanes));
  ValueWriter kinds;
  WAYPOST_RETURN_IF_ERROR(writing.Put(Table::kState, kKindsKey, EncodeKinds(KindTable(), kinds)));
  return PutState(writing, {});
}

absl::StatusOr<std::uint64_t> CheckFormat(const Reading& reading) {
  WAYPOST_ASSIGN_OR_RETURN(const std::optional<Bytes> value, reading.Get(Table::kState, kFormatKey));
  if (!value) return absl::DataLossError("table state: want a store, got no entry 'format'");
  WAYPOST_ASSIGN_OR_RETURN(ValueReader reader, ValueReader::Open(Table::kState, *value));
  const auto magic = reader.Number<std::uint64_t>();
  const auto major = reader.Number<std::uint32_t>();
  const auto minor = reader.Number<std::uint32_t>();
  const auto features = reader.Number<std::uint64_t>();
  if (reader.failed() || magic != kMagic) return absl::DataLossError("table state: want a store, got another 'format'");
  if (major != kFormatMajor || (features & ~kChunksInPlanes) != 0)
    return absl::UnimplementedError(
        absl::StrCat("store: want format ", kFormatMajor, ".", kFormatMinor, ", got ", major, ".", minor,
                     (features & ~kChunksInPlanes) != 0 ? " with features unknown here" : ""));
  return features;
}

}  // namespace waypost::store
