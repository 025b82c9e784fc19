// report/resources.hpp - files that the build makes part of the library.
#ifndef WAYPOST_REPORT_RESOURCES_HPP_
#define WAYPOST_REPORT_RESOURCES_HPP_

#include <string_view>

namespace waypost::report {

extern const std::string_view kPageStyle;    // page.css
extern const std::string_view kPageScript;   // page.js
extern const std::string_view kTexts;        // texts.tsv
extern const std::string_view kChartScript;  // chart.min.js of Chart.js

}  // namespace waypost::report

#endif  // WAYPOST_REPORT_RESOURCES_HPP_
