#include "svg.hpp"

#include <cmath>

#include "table.hpp"

namespace waypost::cli {

std::string Escaped(const std::string& text) {
  std::string escaped;
  for (char c : text) {
    if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<') {
      escaped += "&lt;";
    } else if (c == '"') {
      escaped += "&quot;";
    } else if (static_cast<unsigned char>(c) >= 0x20) {
      escaped += c;
    }
  }
  return escaped;
}

std::string At(double value) {
  return Fixed(value, 1);
}

std::string Line(double x1, double y1, double x2, double y2, const char* kind) {
  return "<line class=\"" + std::string(kind) + "\" x1=\"" + At(x1) + "\" y1=\"" + At(y1) + "\" x2=\"" + At(x2) +
         "\" y2=\"" + At(y2) + "\"/>\n";
}

std::string Text(double x, double y, const char* anchor, const std::string& text, const std::string& more) {
  return "<text x=\"" + At(x) + "\" y=\"" + At(y) + "\" text-anchor=\"" + anchor + "\"" + more + ">" + Escaped(text) +
         "</text>\n";
}

double NiceStep(double span, int most) {
  double step = std::pow(10, std::floor(std::log10(span / most)));
  for (double factor : {1.0, 2.0, 5.0, 10.0})
    if (span / (step * factor) <= most) return step * factor;
  return step * 10;
}

}  // namespace waypost::cli
