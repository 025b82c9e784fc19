// cli/scatter_plot.hpp - points with names and intervals as a small SVG picture, readable on light and dark pages.
#ifndef WAYPOST_CLI_SCATTER_PLOT_HPP_
#define WAYPOST_CLI_SCATTER_PLOT_HPP_

#include <optional>
#include <string>
#include <vector>

#include "waypost/base/statistics.hpp"

namespace waypost::cli {

struct PlotPoint {
  std::string label;
  double x = 0;  // drawn on a logarithmic axis; below 0.001 as 0.001
  double y = 0;
  std::optional<Interval> interval;  // of y
};

struct ScatterPlot {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<PlotPoint> points;
};

// Requires  at least one point; finite values.
std::string SvgOf(const ScatterPlot& plot);

}  // namespace waypost::cli

#endif  // WAYPOST_CLI_SCATTER_PLOT_HPP_
