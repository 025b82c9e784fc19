// The 27 certified sets of nonlinear regression of NIST (Statistical Reference Datasets), each from both of its starts.
#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <numbers>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/data.hpp"
#include "waypost/insight/dual.hpp"
#include "waypost/insight/least_squares.hpp"

namespace waypost {
namespace {

struct CertifiedSet {
  std::array<std::vector<double>, 2> starts;
  std::vector<double> parameters;
  std::vector<double> deviations;
  double rss = 0;
  // Residuals of Lanczos1 are as small as the rounding of its data to double.
  std::vector<long double> y;
  std::vector<std::array<long double, 2>> x;
};

CertifiedSet ReadSet(const std::string& path) {
  CertifiedSet set;
  std::ifstream file(path);
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    std::istringstream words(line);
    std::string name, equals;
    std::array<double, 4> numbers{};
    std::array<long double, 3> row{};
    if (number <= 60) {
      if (line.find("Residual Sum of Squares:") != std::string::npos)
        set.rss = std::stod(line.substr(line.find(':') + 1));
      if (number > 40 && words >> name >> equals >> numbers[0] >> numbers[1] >> numbers[2] >> numbers[3] &&
          name[0] == 'b' && equals == "=") {
        set.starts[0].push_back(numbers[0]);
        set.starts[1].push_back(numbers[1]);
        set.parameters.push_back(numbers[2]);
        set.deviations.push_back(numbers[3]);
      }
      continue;
    }
    if (!(words >> row[0] >> row[1])) continue;
    words >> row[2];
    set.y.push_back(row[0]);
    set.x.push_back({row[1], row[2]});
  }
  return set;
}

// A formula of P parameters over the rows of a set, without the set's y.
template <std::size_t P, typename Formula>
auto Model(Formula formula) {
  return [formula](const CertifiedSet& set) -> Curve {
    return [&set, formula](std::size_t row, std::span<const long double> b, std::span<long double> slopes) {
      const Dual<P> value = formula(DualParameters<P>(b), set.x[row]);
      std::copy(value.slopes.begin(), value.slopes.end(), slopes.begin());
      return value.value - set.y[row];
    };
  };
}

using X = std::array<long double, 2>;
constexpr long double kPi = std::numbers::pi_v<long double>;

const auto kSaturation = Model<2>([](const auto& b, const X& x) { return b[0] * (1 - exp(-b[1] * x[0])); });
const auto kChwirut = Model<3>([](const auto& b, const X& x) { return exp(-b[0] * x[0]) / (b[1] + b[2] * x[0]); });
const auto kGauss = Model<8>([](const auto& b, const X& x) {
  const auto peak = [&](int j) {
    const auto z = (x[0] - b[j + 1]) / b[j + 2];
    return b[j] * exp(-(z * z));
  };
  return b[0] * exp(-b[1] * x[0]) + peak(2) + peak(5);
});
const auto kLanczos = Model<6>([](const auto& b, const X& x) {
  return b[0] * exp(-b[1] * x[0]) + b[2] * exp(-b[3] * x[0]) + b[4] * exp(-b[5] * x[0]);
});
const auto kCubics = Model<7>([](const auto& b, const X& x) {
  return (b[0] + x[0] * (b[1] + x[0] * (b[2] + x[0] * b[3]))) / (1 + x[0] * (b[4] + x[0] * (b[5] + x[0] * b[6])));
});

const std::map<std::string, std::function<Curve(const CertifiedSet&)>>& Models() {
  static const std::map<std::string, std::function<Curve(const CertifiedSet&)>> models = {
      {"Bennett5", Model<3>([](const auto& b, const X& x) { return b[0] * pow(b[1] + x[0], -1 / b[2]); })},
      {"BoxBOD", kSaturation},
      {"Chwirut1", kChwirut},
      {"Chwirut2", kChwirut},
      {"DanWood", Model<2>([](const auto& b, const X& x) { return b[0] * pow(Dual<2>(x[0]), b[1]); })},
      {"ENSO", Model<9>([](const auto& b, const X& x) {
         const auto angle = [&](const Dual<9>& period) { return 2 * kPi * x[0] / period; };
         return b[0] + b[1] * cos(angle(12)) + b[2] * sin(angle(12)) + b[4] * cos(angle(b[3])) +
                b[5] * sin(angle(b[3])) + b[7] * cos(angle(b[6])) + b[8] * sin(angle(b[6]));
       })},
      {"Eckerle4", Model<3>([](const auto& b, const X& x) {
         const auto z = (x[0] - b[2]) / b[1];
         return b[0] / b[1] * exp(-0.5L * z * z);
       })},
      {"Gauss1", kGauss},
      {"Gauss2", kGauss},
      {"Gauss3", kGauss},
      {"Hahn1", kCubics},
      {"Kirby2", Model<5>([](const auto& b, const X& x) {
         return (b[0] + x[0] * (b[1] + x[0] * b[2])) / (1 + x[0] * (b[3] + x[0] * b[4]));
       })},
      {"Lanczos1", kLanczos},
      {"Lanczos2", kLanczos},
      {"Lanczos3", kLanczos},
      {"MGH09", Model<4>([](const auto& b, const X& x) {
         const Dual<4> square = x[0] * x[0];
         return b[0] * (square + x[0] * b[1]) / (square + x[0] * b[2] + b[3]);
       })},
      {"MGH10", Model<3>([](const auto& b, const X& x) { return b[0] * exp(b[1] / (x[0] + b[2])); })},
      {"MGH17",
       Model<5>([](const auto& b, const X& x) { return b[0] + b[1] * exp(-x[0] * b[3]) + b[2] * exp(-x[0] * b[4]); })},
      {"Misra1a", kSaturation},
      {"Misra1b", Model<2>([](const auto& b, const X& x) {
         const auto z = 1 + b[1] * x[0] / 2;
         return b[0] * (1 - 1 / (z * z));
       })},
      {"Misra1c", Model<2>([](const auto& b, const X& x) { return b[0] * (1 - pow(1 + 2 * b[1] * x[0], -0.5L)); })},
      {"Misra1d", Model<2>([](const auto& b, const X& x) { return b[0] * b[1] * x[0] / (1 + b[1] * x[0]); })},
      {"Nelson", Model<3>([](const auto& b, const X& x) { return b[0] - b[1] * x[0] * exp(-b[2] * x[1]); })},
      {"Rat42", Model<3>([](const auto& b, const X& x) { return b[0] / (1 + exp(b[1] - b[2] * x[0])); })},
      {"Rat43", Model<4>([](const auto& b, const X& x) { return b[0] / pow(1 + exp(b[1] - b[2] * x[0]), 1 / b[3]); })},
      {"Roszman1",
       Model<4>([](const auto& b, const X& x) { return b[0] - b[1] * x[0] - atan(b[2] / (x[0] - b[3])) / kPi; })},
      {"Thurber", kCubics},
  };
  return models;
}

// Digits on which two numbers agree; the certified ones have 11.
double Digits(double found, double certified) {
  return -std::log10(std::max(std::abs(found - certified) / std::abs(certified), 1e-12));
}

TEST(Nist, AllCertifiedSetsAreReachedFromBothStarts) {
  WAYPOST_FIND_DATA_OR_SKIP(folder, "nist-strd");
  ASSERT_EQ(Models().size(), 27u);
  for (const auto& [name, model] : Models()) {
    CertifiedSet set = ReadSet(folder + "/" + name + ".dat");
    if (name == "Nelson")
      for (long double& y : set.y) y = std::log(y);
    for (int start = 0; start < 2; ++start) {
      SCOPED_TRACE(name + ", start " + std::to_string(start + 1));
      const absl::StatusOr<LeastSquaresFit> fit = FitLeastSquares(std::vector<double>(set.y.size(), 0.0), model(set),
                                                                  set.starts[static_cast<std::size_t>(start)]);
      ASSERT_TRUE(fit.ok()) << fit.status();
      ASSERT_EQ(fit->status, FitStatus::kConverged);
      double parameters = 12, deviations = 12;
      for (std::size_t j = 0; j < set.parameters.size(); ++j) {
        parameters = std::min(parameters, Digits(fit->parameters[j], set.parameters[j]));
        deviations = std::min(deviations, Digits(fit->standard_errors[j], set.deviations[j]));
      }
      EXPECT_GE(parameters, name.starts_with("Rat4") ? 10 : 9);
      EXPECT_GE(deviations, 6);
      // S of Lanczos1 is 1e-25.
      EXPECT_GE(Digits(fit->rss, set.rss), name == "Lanczos1" ? 6 : 9);
    }
  }
}

}  // namespace
}  // namespace waypost
