// waypost/insight/dual.hpp - numbers that carry their derivatives: a formula written once gives its value and its
// slopes.
//
// Definition   x + sum_j s_j e_j with e_i e_j = 0; f(x + s e) = f(x) + f'(x) s e. Derivatives are exact to rounding:
//              no step length is chosen.
// Numerics     long double, which fits of curves need to reach the digits of certified results; where it is no longer
//              than double they lose some of them.
// Checked by   tests/unit/insight_dual_test.cpp against differences, tests/data/nist_test.cpp.
#ifndef WAYPOST_INSIGHT_DUAL_HPP_
#define WAYPOST_INSIGHT_DUAL_HPP_

#include <array>
#include <cmath>
#include <cstddef>
#include <span>

namespace waypost {

// Immutable: safe to use from any number of threads.
template <std::size_t P>
struct Dual {
  long double value = 0;
  std::array<long double, P> slopes = {};

  Dual() = default;
  Dual(long double constant) : value(constant) {}  // NOLINT: numbers mix with duals in a formula

  // The parameter number `index`, whose own slope is 1.
  static Dual Parameter(long double value, std::size_t index) {
    Dual parameter(value);
    parameter.slopes[index] = 1;
    return parameter;
  }

  // f(a) and its slopes, from the value and the derivative of f at a.
  static Dual Chain(const Dual& a, long double value, long double derivative) {
    Dual result(value);
    for (std::size_t p = 0; p < P; ++p) result.slopes[p] = derivative * a.slopes[p];
    return result;
  }

  friend Dual operator+(const Dual& a, const Dual& b) {
    Dual sum(a.value + b.value);
    for (std::size_t p = 0; p < P; ++p) sum.slopes[p] = a.slopes[p] + b.slopes[p];
    return sum;
  }
  friend Dual operator-(const Dual& a, const Dual& b) {
    Dual difference(a.value - b.value);
    for (std::size_t p = 0; p < P; ++p) difference.slopes[p] = a.slopes[p] - b.slopes[p];
    return difference;
  }
  friend Dual operator-(const Dual& a) { return Dual(0) - a; }
  friend Dual operator*(const Dual& a, const Dual& b) {
    Dual product(a.value * b.value);
    for (std::size_t p = 0; p < P; ++p) product.slopes[p] = a.slopes[p] * b.value + a.value * b.slopes[p];
    return product;
  }
  friend Dual operator/(const Dual& a, const Dual& b) {
    Dual quotient(a.value / b.value);
    for (std::size_t p = 0; p < P; ++p) quotient.slopes[p] = (a.slopes[p] - quotient.value * b.slopes[p]) / b.value;
    return quotient;
  }

  friend Dual exp(const Dual& a) {
    const long double value = std::exp(a.value);
    return Chain(a, value, value);
  }
  friend Dual expm1(const Dual& a) { return Chain(a, std::expm1(a.value), std::exp(a.value)); }
  friend Dual log(const Dual& a) { return Chain(a, std::log(a.value), 1 / a.value); }
  friend Dual log1p(const Dual& a) { return Chain(a, std::log1p(a.value), 1 / (1 + a.value)); }
  friend Dual sin(const Dual& a) { return Chain(a, std::sin(a.value), std::cos(a.value)); }
  friend Dual cos(const Dual& a) { return Chain(a, std::cos(a.value), -std::sin(a.value)); }
  friend Dual atan(const Dual& a) { return Chain(a, std::atan(a.value), 1 / (1 + a.value * a.value)); }
  // Requires  a > 0.
  friend Dual pow(const Dual& a, const Dual& exponent) {
    const long double value = std::pow(a.value, exponent.value);
    Dual power = Chain(a, value, exponent.value * std::pow(a.value, exponent.value - 1));
    for (std::size_t p = 0; p < P; ++p) power.slopes[p] += value * std::log(a.value) * exponent.slopes[p];
    return power;
  }
};

// The parameters of a formula of P of them.
// Requires  b holds P numbers.
template <std::size_t P>
std::array<Dual<P>, P> DualParameters(std::span<const long double> b) {
  std::array<Dual<P>, P> parameters;
  for (std::size_t p = 0; p < P; ++p) parameters[p] = Dual<P>::Parameter(b[p], p);
  return parameters;
}

}  // namespace waypost

#endif  // WAYPOST_INSIGHT_DUAL_HPP_
