#include "scatter_plot.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

#include "json_writer.hpp"
#include "svg.hpp"
#include "table.hpp"

namespace waypost::cli {
namespace {

constexpr double kWidth = 720, kHeight = 440;
constexpr double kLeft = 72, kRight = 24, kTop = 44, kBottom = 56;
constexpr double kLeastX = 1e-3;      // seconds: below, clocks measure nothing
constexpr double kLabelHeight = 15;   // between two names that would touch
constexpr double kLetterWidth = 7.2;  // of the font, about

// The page's own colours would do, but an SVG that is opened alone has none: it brings both.
constexpr const char* kStyle =
    "svg{background:#fff;color:#1f2328;font:13px system-ui,sans-serif}"
    ".grid{stroke:#d0d7de}.point{fill:#0969da}.bar{stroke:#0969da}text{fill:currentColor}"
    "@media(prefers-color-scheme:dark){svg{background:#0d1117;color:#e6edf3}.grid{stroke:#30363d}"
    ".point{fill:#58a6ff}.bar{stroke:#58a6ff}}";

struct Range {
  double low;
  double high;
};

Range RangeOfY(const ScatterPlot& plot) {
  Range range{plot.points.front().y, plot.points.front().y};
  for (const PlotPoint& point : plot.points) {
    range.low = std::min({range.low, point.y, point.interval ? point.interval->low : point.y});
    range.high = std::max({range.high, point.y, point.interval ? point.interval->high : point.y});
  }
  const double margin = range.high > range.low ? 0.06 * (range.high - range.low) : std::max(1e-3, 0.1 * range.high);
  return {range.low - margin, range.high + margin};
}

// In powers of ten, whole ones.
Range RangeOfX(const ScatterPlot& plot) {
  Range range{std::log10(std::max(plot.points.front().x, kLeastX)), 0};
  range.high = range.low;
  for (const PlotPoint& point : plot.points) {
    const double x = std::log10(std::max(point.x, kLeastX));
    range = {std::min(range.low, x), std::max(range.high, x)};
  }
  return {std::floor(range.low), std::max(std::ceil(range.high), std::floor(range.low) + 1)};
}

}  // namespace

std::string SvgOf(const ScatterPlot& plot) {
  assert(!plot.points.empty());
  const Range xs = RangeOfX(plot), ys = RangeOfY(plot);
  const auto x_of = [&](double x) {
    return kLeft + (std::log10(std::max(x, kLeastX)) - xs.low) / (xs.high - xs.low) * (kWidth - kLeft - kRight);
  };
  const auto y_of = [&](double y) {
    return kHeight - kBottom - (y - ys.low) / (ys.high - ys.low) * (kHeight - kTop - kBottom);
  };
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + Fixed(kWidth, 0) + " " +
                    Fixed(kHeight, 0) + "\" role=\"img\" aria-label=\"" + Escaped(plot.title) + "\">\n<style>" +
                    kStyle + "</style>\n";
  svg += Text(kWidth / 2, 24, "middle", plot.title, " font-weight=\"600\"");
  for (double power = xs.low; power <= xs.high; ++power) {
    const double x = x_of(std::pow(10, power));
    svg += Line(x, kTop, x, kHeight - kBottom, "grid");
    svg += Text(x, kHeight - kBottom + 20, "middle", NumberText(static_cast<float>(std::pow(10, power))));
  }
  const double step = NiceStep(ys.high - ys.low, 6);
  const int digits = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
  for (double y = std::ceil(ys.low / step) * step; y <= ys.high; y += step) {
    svg += Line(kLeft, y_of(y), kWidth - kRight, y_of(y), "grid");
    svg += Text(kLeft - 8, y_of(y) + 4, "end", Fixed(y, digits));
  }
  svg += Text((kLeft + kWidth - kRight) / 2, kHeight - 14, "middle", plot.x_label);
  svg += Text(18, kHeight / 2, "middle", plot.y_label, " transform=\"rotate(-90 18 " + At(kHeight / 2) + ")\"");

  std::vector<std::size_t> order(plot.points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return plot.points[a].y > plot.points[b].y; });
  struct Box {
    double left, right, y;
  };
  std::vector<Box> names;
  for (std::size_t n : order) {  // from the top down: a name that would touch an earlier one moves below it
    const PlotPoint& point = plot.points[n];
    const double x = x_of(point.x), y = y_of(point.y);
    if (point.interval) svg += Line(x, y_of(point.interval->low), x, y_of(point.interval->high), "bar");
    svg += "<circle class=\"point\" cx=\"" + At(x) + "\" cy=\"" + At(y) + "\" r=\"4\"><title>" + Escaped(point.label) +
           ": " + Fixed(point.y, 4) + ", " + Fixed(point.x, 2) + " s</title></circle>\n";
    const double width = kLetterWidth * static_cast<double>(DisplayWidth(point.label));
    const bool left = x + 10 + width > kWidth - kRight;
    Box box{left ? x - 10 - width : x + 10, left ? x - 10 : x + 10 + width, y + 4};
    for (const Box& other : names)
      if (box.left < other.right && other.left < box.right && std::abs(box.y - other.y) < kLabelHeight)
        box.y = other.y + kLabelHeight;
    names.push_back(box);
    svg += Text(left ? box.right : box.left, box.y, left ? "end" : "start", point.label);
  }
  return svg + "</svg>\n";
}

}  // namespace waypost::cli
