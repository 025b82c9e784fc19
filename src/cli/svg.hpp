// cli/svg.hpp - the parts that the pictures of the tool are made of.
#ifndef WAYPOST_CLI_SVG_HPP_
#define WAYPOST_CLI_SVG_HPP_

#include <string>

namespace waypost::cli {

// Text as it stands between tags and in attributes.
std::string Escaped(const std::string& text);

// A coordinate.
std::string At(double value);

std::string Line(double x1, double y1, double x2, double y2, const char* kind);

//   anchor   "start", "middle" or "end".
//   more     further attributes, with a space before each.
std::string Text(double x, double y, const char* anchor, const std::string& text, const std::string& more = "");

// 1, 2 or 5 times a power of ten: the smallest step that gives at most `most` steps.
double NiceStep(double span, int most);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_SVG_HPP_
