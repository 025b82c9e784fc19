// store/session.hpp - what is behind one Store: the folder it shares with others and its own right to write.
#ifndef WAYPOST_SRC_STORE_SESSION_HPP_
#define WAYPOST_SRC_STORE_SESSION_HPP_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "waypost/base/status.hpp"
#include "waypost/store/store.hpp"

#include "file/guard.hpp"
#include "store/folder.hpp"

namespace waypost::store {

// Thread-safe: all members may be called concurrently.
class Session {
 public:
  Session(std::shared_ptr<Folder> folder, const StoreOptions& options)
      : folder_(std::move(folder)), options_(options) {}
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  Session(Session&&) = delete;
  Session& operator=(Session&&) = delete;

  Folder& folder() const { return *folder_; }
  const std::shared_ptr<Folder>& shared_folder() const { return folder_; }
  const StoreOptions& options() const { return options_; }

  // Errors  kFailedPrecondition: opened with kRead, or a child of fork().
  absl::Status CheckWriting() const;

  // Has `apply` committed, with others or alone.
  absl::Status Commit(const std::function<absl::Status(store::Commit&)>& apply, bool alone = false);

  absl::StatusOr<AppendResult> Append(std::span<const Event> events, const Delivery& delivery);
  //   file   what is kept of the source beside its next sequence number, where the source is a file.
  absl::StatusOr<AppendResult> AppendLog(const EventLog& log, std::string_view source, std::size_t first_row,
                                         const std::optional<Source>& file = std::nullopt);

  absl::StatusOr<bool> MaintainStep(std::uint64_t least_rows);
  absl::Status Seal();
  absl::StatusOr<CompactReport> Compact(const CompactOptions& options);

  // Seals where enough has come and nobody else does.
  void SealIfDue(std::uint64_t unsealed);

  // What events are checked with: the kinds as they are now.
  absl::StatusOr<std::shared_ptr<const EventLogBuilder>> Validator();
  void ForgetValidator();

 private:
  absl::Status SealTail();
  absl::StatusOr<bool> MergeSome(bool all);

  std::shared_ptr<Folder> folder_;
  StoreOptions options_;

  std::mutex mutex_;  // guards what follows
  std::shared_ptr<const EventLogBuilder> validator_;
};

// The way from a public handle to what is behind it.
class Access {
 public:
  static Session& Of(Store& handle) { return *handle.session_; }
};

// Errors  kInvalidArgument: empty, longer than 256 bytes, or no UTF-8.
absl::Status CheckText(std::string_view what, std::string_view text);

}  // namespace waypost::store

#endif  // WAYPOST_SRC_STORE_SESSION_HPP_
