#include "line_plot.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <vector>

#include "svg.hpp"
#include "table.hpp"

namespace waypost::cli {
namespace {

constexpr double kWidth = 720, kHeight = 440;
constexpr double kLeft = 76, kRight = 24, kTop = 44, kBottom = 56;
constexpr double kLegendLine = 18;
constexpr double kMostPoints = 2000;  // of a series: a picture shows no more
constexpr std::size_t kColours = 4;

// The page's own colours would do, but an SVG that is opened alone has none: it brings both.
constexpr const char* kStyle =
    "svg{background:#fff;color:#1f2328;font:13px system-ui,sans-serif;--c0:#0969da;--c1:#bc4c00;--c2:#1a7f37;"
    "--c3:#8250df;--dot:#8c959f}text{fill:currentColor}.grid{stroke:#d0d7de}.line{fill:none;stroke-width:2}"
    ".dot{fill:var(--dot)}.band{opacity:.18}"
    "@media(prefers-color-scheme:dark){svg{background:#0d1117;color:#e6edf3;--c0:#58a6ff;--c1:#f0883e;--c2:#3fb950;"
    "--c3:#bc8cff;--dot:#6e7681}.grid{stroke:#30363d}}";

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void Take(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

int DigitsOf(double step) {
  return std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
}

std::string Colour(std::size_t number) {
  return "var(--c" + std::to_string(number % kColours) + ")";
}

}  // namespace

std::string SvgOf(const LinePlot& plot) {
  Range xs, ys;
  ys.Take(0);
  for (const PlotSeries& series : plot.series) {
    for (const double x : series.x) xs.Take(x);
    for (const double y : series.y) ys.Take(y);
    for (const double y : series.high) ys.Take(y);
  }
  assert(xs.low <= xs.high);
  if (!(xs.high > xs.low)) xs = {xs.low - 0.5, xs.low + 0.5};
  ys.high = ys.high > 0 ? ys.high * 1.06 : 1;
  const auto x_of = [&](double x) { return kLeft + (x - xs.low) / (xs.high - xs.low) * (kWidth - kLeft - kRight); };
  const auto y_of = [&](double y) {
    return kHeight - kBottom - (y - ys.low) / (ys.high - ys.low) * (kHeight - kTop - kBottom);
  };
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + Fixed(kWidth, 0) + " " +
                    Fixed(kHeight, 0) + "\" role=\"img\" aria-label=\"" + Escaped(plot.title) + "\">\n<style>" +
                    kStyle + "</style>\n";
  svg += Text(kWidth / 2, 24, "middle", plot.title, " font-weight=\"600\"");
  const double x_step = NiceStep(xs.high - xs.low, 8), y_step = NiceStep(ys.high - ys.low, 6);
  for (double x = std::ceil(xs.low / x_step) * x_step; x <= xs.high + 1e-9 * x_step; x += x_step) {
    svg += Line(x_of(x), kTop, x_of(x), kHeight - kBottom, "grid");
    svg += Text(x_of(x), kHeight - kBottom + 20, "middle", Fixed(x, DigitsOf(x_step)));
  }
  for (double y = std::ceil(ys.low / y_step) * y_step; y <= ys.high + 1e-9 * y_step; y += y_step) {
    svg += Line(kLeft, y_of(y), kWidth - kRight, y_of(y), "grid");
    svg += Text(kLeft - 8, y_of(y) + 4, "end", Fixed(y, DigitsOf(y_step)));
  }
  svg += Text((kLeft + kWidth - kRight) / 2, kHeight - 14, "middle", plot.x_label);
  svg += Text(18, kHeight / 2, "middle", plot.y_label, " transform=\"rotate(-90 18 " + At(kHeight / 2) + ")\"");

  // The legend stands where the curves leave room: to the right of those that fall.
  const std::vector<double>& shown = plot.series.back().y;
  const double legend_x = shown.front() > shown.back() ? kLeft + 0.66 * (kWidth - kLeft - kRight) : kLeft;
  std::size_t lines = 0, bands = 0;
  double legend_y = kTop + 16;
  for (const PlotSeries& series : plot.series) {
    std::string mark;
    const auto stride =
        static_cast<std::size_t>(std::max(1.0, std::ceil(static_cast<double>(series.x.size()) / kMostPoints)));
    if (series.shape == PlotShape::kPoints) {
      for (std::size_t n = 0; n < series.x.size(); n += stride)
        if (std::isfinite(series.x[n]) && std::isfinite(series.y[n]))
          svg += "<circle class=\"dot\" cx=\"" + At(x_of(series.x[n])) + "\" cy=\"" + At(y_of(series.y[n])) +
                 "\" r=\"2\"/>\n";
      mark = "<circle class=\"dot\" cx=\"" + At(legend_x + 24) + "\" cy=\"" + At(legend_y - 4) + "\" r=\"3\"/>\n";
    } else if (series.shape == PlotShape::kBand) {
      const std::string fill = "fill=\"" + Colour(bands++) + "\"/>\n";
      std::string points;
      for (std::size_t n = 0; n < series.x.size(); ++n)
        if (std::isfinite(series.y[n])) points += At(x_of(series.x[n])) + "," + At(y_of(series.y[n])) + " ";
      for (std::size_t n = series.x.size(); n-- > 0;)
        if (std::isfinite(series.high[n])) points += At(x_of(series.x[n])) + "," + At(y_of(series.high[n])) + " ";
      svg += "<polygon class=\"band\" points=\"" + points + "\" " + fill;
      mark = "<rect class=\"band\" x=\"" + At(legend_x + 14) + "\" y=\"" + At(legend_y - 10) +
             "\" width=\"20\" height=\"10\" " + fill;
    } else {
      const std::string stroke = "stroke=\"" + Colour(lines++) + "\"";
      std::string points;
      for (std::size_t n = 0; n < series.x.size(); ++n) {
        if (!std::isfinite(series.x[n]) || !std::isfinite(series.y[n])) continue;
        if (series.shape == PlotShape::kSteps && n > 0)
          points += At(x_of(series.x[n])) + "," + At(y_of(series.y[n - 1])) + " ";
        points += At(x_of(series.x[n])) + "," + At(y_of(series.y[n])) + " ";
      }
      svg += "<polyline class=\"line\" points=\"" + points + "\" " + stroke + "/>\n";
      mark = Line(legend_x + 14, legend_y - 4, legend_x + 34, legend_y - 4, "line");
      mark.insert(mark.find("/>"), " " + stroke);
    }
    if (series.label.empty()) continue;
    svg += mark + Text(legend_x + 42, legend_y, "start", series.label);
    legend_y += kLegendLine;
  }
  return svg + "</svg>\n";
}

}  // namespace waypost::cli
