// cli/line_plot.hpp - curves, steps, points and bands over one axis as a small SVG picture, readable on light and dark
// pages.
#ifndef WAYPOST_CLI_LINE_PLOT_HPP_
#define WAYPOST_CLI_LINE_PLOT_HPP_

#include <string>
#include <vector>

namespace waypost::cli {

enum class PlotShape {
  kLine,
  kSteps,  // level until the next x
  kPoints,
  kBand,  // between y and high
};

struct PlotSeries {
  std::string label;  // in the legend; none where empty
  PlotShape shape = PlotShape::kLine;
  std::vector<double> x;
  std::vector<double> y;
  std::vector<double> high;  // of a band
};

struct LinePlot {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<PlotSeries> series;  // each shape has its own colours, in order; bands lie below what follows them
};

// The axis of y begins at zero. Points that are not finite are left out.
// Requires  at least one finite point, one of the last series; as many y, and high of a band, as x.
std::string SvgOf(const LinePlot& plot);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_LINE_PLOT_HPP_
