#include "report/markup.hpp"

#include "waypost/base/utf8.hpp"

namespace waypost::report {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t' && c != '\n') || byte == 0x7F;
}

// Calls `write` with runs of well-formed text, with U+FFFD in the place of each byte of (1).
template <typename Write>
void ForEachRun(std::string_view text, const Write& write) {
  while (!text.empty()) {
    const std::size_t valid = FindInvalidUtf8(text);
    std::size_t begin = 0;
    for (std::size_t at = 0; at < valid; ++at) {
      if (!IsControl(text[at])) continue;
      write(text.substr(begin, at - begin));
      write(kReplacement);
      begin = at + 1;
    }
    write(text.substr(begin, valid - begin));
    if (valid == text.size()) return;
    write(kReplacement);
    text.remove_prefix(valid + 1);
  }
}

}  // namespace

void AppendHtml(std::string_view text, std::string& out) {
  ForEachRun(text, [&](std::string_view run) {
    for (char c : run) {
      switch (c) {
        case '&':
          out += "&amp;";
          break;
        case '<':
          out += "&lt;";
          break;
        case '>':
          out += "&gt;";
          break;
        case '"':
          out += "&quot;";
          break;
        case '\'':
          out += "&#39;";
          break;
        default:
          out += c;
      }
    }
  });
}

std::string Html(std::string_view text) {
  std::string out;
  AppendHtml(text, out);
  return out;
}

void AppendJson(std::string_view text, std::string& out) {
  out += '"';
  ForEachRun(text, [&](std::string_view run) {
    for (std::size_t at = 0; at < run.size(); ++at) {
      const std::string_view three = run.substr(at, 3);
      if (three == "\xE2\x80\xA8" || three == "\xE2\x80\xA9") {
        out += three.back() == '\xA8' ? "\\u2028" : "\\u2029";
        at += 2;
        continue;
      }
      switch (run[at]) {
        case '"':
          out += "\\\"";
          break;
        case '\\':
          out += "\\\\";
          break;
        case '\n':
          out += "\\n";
          break;
        case '\t':
          out += "\\t";
          break;
        case '<':
          out += "\\u003c";
          break;
        case '>':
          out += "\\u003e";
          break;
        case '&':
          out += "\\u0026";
          break;
        default:
          out += run[at];
      }
    }
  });
  out += '"';
}

}  // namespace waypost::report
