// text/json_object.hpp - the JSON of a model's files: an object whose members are asked for by name and type.
#ifndef WAYPOST_SRC_TEXT_JSON_OBJECT_HPP_
#define WAYPOST_SRC_TEXT_JSON_OBJECT_HPP_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "event/json_record.hpp"
#include "waypost/base/status.hpp"

namespace waypost::internal {

// Immutable: safe to use from any number of threads.
class JsonObject {
 public:
  // Errors  kInvalidArgument: not UTF-8, not one object, a name twice, nested too deep.
  static absl::StatusOr<JsonObject> Parse(std::string_view json);

  JsonObject() = default;
  JsonObject(JsonObject&&) = default;  // a moved vector keeps its elements where they are
  JsonObject& operator=(JsonObject&&) = default;
  JsonObject(const JsonObject&) = delete;
  JsonObject& operator=(const JsonObject&) = delete;

  std::span<const std::string_view> names() const { return names_; }
  std::span<const Cell> values() const { return values_; }

  // The member, or null where it is absent or null.
  const Cell* Find(std::string_view name) const;

  // Errors  kInvalidArgument: absent, of another type, or out of range; names the member.
  absl::StatusOr<std::int64_t> Integer(std::string_view name, std::int64_t low, std::int64_t high) const;
  absl::StatusOr<double> Number(std::string_view name) const;
  absl::StatusOr<std::string_view> Text(std::string_view name) const;
  absl::StatusOr<bool> Bool(std::string_view name) const;
  absl::StatusOr<JsonObject> Object(std::string_view name) const;
  absl::StatusOr<std::vector<JsonObject>> Objects(std::string_view name) const;

 private:
  std::vector<char> text_;  // strings are decoded in place
  std::vector<std::string_view> names_;
  std::vector<Cell> values_;
};

// Reads an array of objects.
absl::StatusOr<std::vector<JsonObject>> ParseJsonObjects(std::string_view json);

// Reads a whole number without a sign.
absl::StatusOr<std::uint64_t> ParseUnsigned(std::string_view number);

// Reads a small text file.
// Errors  kNotFound and others of the system; kResourceExhausted: longer than `limit`.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path, std::size_t limit);

}  // namespace waypost::internal

#endif  // WAYPOST_SRC_TEXT_JSON_OBJECT_HPP_
