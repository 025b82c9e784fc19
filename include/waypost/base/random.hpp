// waypost/base/random.hpp - the library's own random numbers: the same on every platform and for any thread count.
//
// Definition   xoshiro256++ [1], its state filled from (seed, stream) by SplitMix64 [2]. Standard distributions differ
//              between standard libraries, so the distributions here are our own.
// Sources      [1] D. Blackman, S. Vigna, Scrambled Linear Pseudorandom Number Generators, ACM TOMS 47(4), 2021.
//              [2] G. Steele, D. Lea, C. Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014.
//              [3] D. Lemire, Fast Random Integer Generation in an Interval, ACM TOMACS 29(1), 2019.
// Determinism  Work that is split over threads takes one stream per unit of work, Random(seed, unit), never one
//              generator that several threads share.
// Checked by   tests/unit/base_random_test.cpp: published first outputs, moments, uniformity.
#ifndef WAYPOST_BASE_RANDOM_HPP_
#define WAYPOST_BASE_RANDOM_HPP_

#include <bit>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <utility>

namespace waypost {

// One step of SplitMix64: advances `state` and returns the next output.
inline std::uint64_t SplitMix64(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// Thread-compatible: const members may run concurrently; any non-const call needs exclusive access.
class Random {
 public:
  // Generators of one seed and different streams are independent for every practical purpose.
  explicit Random(std::uint64_t seed, std::uint64_t stream = 0) {
    std::uint64_t mix = stream;
    std::uint64_t state = seed ^ SplitMix64(mix);
    for (std::uint64_t& word : state_) word = SplitMix64(state);
  }

  std::uint64_t Bits() {
    const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // Uniform in [0, 1), a multiple of 2^-53.
  double Uniform() { return static_cast<double>(Bits() >> 11) * 0x1.0p-53; }

  // Uniform in 0..bound-1, without bias [3].  Requires: bound > 0.
  std::uint64_t Below(std::uint64_t bound) {
    assert(bound > 0);
    Wide product = static_cast<Wide>(Bits()) * bound;
    if (static_cast<std::uint64_t>(product) < bound) {
      const std::uint64_t threshold = (0 - bound) % bound;
      while (static_cast<std::uint64_t>(product) < threshold) product = static_cast<Wide>(Bits()) * bound;
    }
    return static_cast<std::uint64_t>(product >> 64);
  }

  // Standard normal, by the Box-Muller transform (one of the pair is dropped: no hidden state).
  double Normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - Uniform()));  // 1 - u lies in (0, 1]: the log is finite
    return radius * std::cos(2.0 * std::numbers::pi * Uniform());
  }

  // Exponential with mean 1.
  double Exponential() { return -std::log(1.0 - Uniform()); }

  bool Bernoulli(double probability) { return Uniform() < probability; }

  // Poisson with the given mean, by multiplication of uniforms.  Requires: 0 <= mean <= 500 (cost grows with it).
  std::uint32_t Poisson(double mean) {
    assert(mean >= 0 && mean <= 500);
    const double limit = std::exp(-mean);
    std::uint32_t count = 0;
    for (double product = Uniform(); product > limit; product *= Uniform()) ++count;
    return count;
  }

  // A position drawn in proportion to `weights`.  Requires: weights are >= 0 and their sum is > 0.
  std::size_t Weighted(std::span<const double> weights) {
    double total = 0;
    for (double weight : weights) total += weight;
    double remaining = Uniform() * total;
    std::size_t last = 0;
    for (std::size_t position = 0; position < weights.size(); ++position) {
      if (weights[position] <= 0) continue;
      last = position;
      remaining -= weights[position];
      if (remaining < 0) return position;
    }
    return last;  // rounding left a remainder: the last possible position
  }

  // Fisher and Yates.
  template <typename T>
  void Shuffle(std::span<T> values) {
    for (std::size_t left = values.size(); left > 1; --left) std::swap(values[left - 1], values[Below(left)]);
  }

 private:
  __extension__ typedef unsigned __int128 Wide;

  std::uint64_t state_[4];
};

}  // namespace waypost

#endif  // WAYPOST_BASE_RANDOM_HPP_
