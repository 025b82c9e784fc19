// Errors, the log and the version.
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>

#include "guard.hpp"
#include "waypost.h"
#include "waypost/base/simd.hpp"
#include "waypost/version.hpp"

struct waypost_error {
  std::uint32_t code;
  const char* message;
};

namespace waypost::c {
namespace {

waypost_error out_of_memory = {WAYPOST_RESOURCE_EXHAUSTED, "memory: want more, got none"};

struct LogSink {
  waypost_log_callback callback = nullptr;
  void* context = nullptr;
};

// Both are constant-initialised and never destroyed in a way that matters: the log works at any time of the process.
std::mutex sink_mutex;
LogSink sink;

LogSink CurrentSink() {
  const std::lock_guard lock(sink_mutex);
  return sink;
}

// One block holds the error and its message, so that one free releases both.
waypost_error* NewError(std::uint32_t code, std::string_view message) noexcept {
  void* memory = std::malloc(sizeof(waypost_error) + message.size() + 1);
  if (memory == nullptr) return &out_of_memory;
  char* text = static_cast<char*>(memory) + sizeof(waypost_error);
  for (std::size_t n = 0; n < message.size(); ++n) text[n] = message[n] == '\0' ? ' ' : message[n];
  text[message.size()] = '\0';
  return new (memory) waypost_error{code, text};
}

waypost_error* NewLoggedError(const char* function, absl::StatusCode code, std::string_view message) noexcept {
  Log(WAYPOST_LOG_ERROR, function, message);
  return NewError(static_cast<std::uint32_t>(code), message);
}

}  // namespace

waypost_error* MakeError(const char* function, const absl::Status& status) noexcept {
  if (status.ok()) return nullptr;
  return NewLoggedError(function, status.code(), internal::ToStd(status.message()));
}

waypost_error* MakeError(const char* function, absl::StatusCode code, const char* message) noexcept {
  return NewLoggedError(function, code, message);
}

void Log(std::uint32_t level, std::string_view function, std::string_view text) noexcept {
  try {
    const LogSink current = CurrentSink();
    if (current.callback == nullptr) return;
    std::string line;
    line.reserve(function.size() + 2 + text.size());
    line.append(function).append(": ").append(text);
    for (char& byte : line)
      if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7F) byte = ' ';
    current.callback(current.context, level, line.c_str(), line.size());
  } catch (...) {  // a line that cannot be written is lost, the call it tells of is not
  }
}

}  // namespace waypost::c

const char* waypost_version(void) {
  return WAYPOST_VERSION_STRING;
}

const char* waypost_simd(void) {
  return waypost::SimdTargetName();
}

uint32_t waypost_error_code(const waypost_error* error) {
  return error == nullptr ? WAYPOST_OK : error->code;
}

const char* waypost_error_message(const waypost_error* error) {
  return error == nullptr ? "" : error->message;
}

void waypost_error_free(waypost_error* error) {
  if (error != &waypost::c::out_of_memory) std::free(error);
}

void waypost_set_log_callback(waypost_log_callback callback, void* context) {
  const std::lock_guard lock(waypost::c::sink_mutex);
  waypost::c::sink = {callback, context};
}
