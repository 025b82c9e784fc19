// report/markup.hpp - texts that may be anything, written into HTML and JSON.
//
// (1) Bytes that are no UTF-8, and control characters but tab and line feed, become U+FFFD.
// (2) JSON stands inside <script>: '<', '>', '&' and the line separators U+2028 and U+2029 are written as \uXXXX, so
//     that nothing in a text can end the script or begin a comment.
#ifndef WAYPOST_REPORT_MARKUP_HPP_
#define WAYPOST_REPORT_MARKUP_HPP_

#include <string>
#include <string_view>

namespace waypost::report {

// Appends a text for use between tags and in quoted attributes.
void AppendHtml(std::string_view text, std::string& out);
std::string Html(std::string_view text);

// Appends a quoted JSON string.
void AppendJson(std::string_view text, std::string& out);

}  // namespace waypost::report

#endif  // WAYPOST_REPORT_MARKUP_HPP_
