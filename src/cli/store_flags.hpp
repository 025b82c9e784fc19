// cli/store_flags.hpp - what the verbs that stand on a store alone share: their options and how they say what they did.
#ifndef WAYPOST_CLI_STORE_FLAGS_HPP_
#define WAYPOST_CLI_STORE_FLAGS_HPP_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "inputs.hpp"
#include "json_writer.hpp"
#include "models.hpp"
#include "output_flags.hpp"
#include "retention.hpp"
#include "waypost/store/store.hpp"

namespace waypost::cli {

struct StoreFlags {
  std::string folder;
  int threads = 0;
  bool json = false;
};

inline void AddStoreFlags(Verb& verb, StoreFlags& flags) {
  verb.Option("--store", "DIR", flags.folder, "The folder of the store").Required();
  AddThreads(verb, flags.threads);
  AddJsonFlag(verb, flags.json);
}

inline absl::StatusOr<std::unique_ptr<Store>> OpenStore(const StoreFlags& flags, StoreAccess access) {
  return Store::Open(flags.folder, {.access = access, .parallelism = Parallelism(flags.threads)});
}

// One object of counts and texts, or lines of text.
class Facts {
 public:
  Facts(const StoreFlags& flags, Console& console) : flags_(flags), console_(console), json_(console) {
    if (flags_.json) json_.BeginObject();
  }

  template <typename T>
  void Member(const std::string& key, const T& value) {
    if (flags_.json) json_.Member(key, value);
  }
  void Strings(const std::string& key, const std::vector<std::string>& texts) {
    if (!flags_.json) return;
    json_.Key(key);
    json_.BeginArray();
    for (const std::string& text : texts) json_.Value(text);
    json_.EndArray();
  }
  void Windows(const Retention& retention) {
    if (flags_.json) WriteRetention(json_, retention);
  }
  void Line(const std::string& text) {
    if (!flags_.json) console_.Write(text + "\n");
  }
  void End() {
    if (!flags_.json) return;
    WriteRunFacts(json_, console_, Parallelism(flags_.threads).threads(), std::nullopt);
    json_.EndObject();
    console_.Write("\n");
  }

 private:
  const StoreFlags& flags_;
  Console& console_;
  JsonWriter json_;
};

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_STORE_FLAGS_HPP_
