// Two inputs in one: up to the first zero byte a tokenizer.json, behind it a text. The text is cut by what opens and by
// a small tokenizer.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "support/encoder_folder.hpp"
#include "waypost/text/word_piece.hpp"

namespace {

void Cut(const waypost::WordPiece& tokenizer, std::string_view text) {
  std::vector<std::uint32_t> ids;
  if (!tokenizer.Encode(text, 32, ids).ok()) return;
  if (ids.size() < 2 || ids.size() > 32) std::abort();
  for (const std::uint32_t id : ids)
    if (id >= tokenizer.id_limit()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto small = waypost::WordPiece::FromJson(waypost::testing_support::SmallTokenizer());
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::size_t zero = std::min(input.find('\0'), input.size());
  const std::string json = input.substr(0, zero);
  const std::string text = zero < input.size() ? input.substr(zero + 1) : input;
  if (const auto tokenizer = waypost::WordPiece::FromJson(json); tokenizer.ok()) Cut(*tokenizer, text);
  Cut(*small, text);
  return 0;
}
