#include "emulator/people/distributions.h"

#include <bit>
#include <cmath>

namespace cubby::emulator {
namespace {

constexpr double kLn2 = 0.693147180559945309417;
constexpr std::uint64_t kMantissa = (std::uint64_t{1} << 52) - 1;
constexpr std::uint64_t kOneExponent = std::uint64_t{1023} << 52;

// 2^n by its bits.
double power_of_two(int n) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(n + 1023) << 52);
}

}  // namespace

double exact_log(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & kMantissa) | kOneExponent);  // 1 <= m < 2.
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  // ln m = 2 artanh(t), |t| < 0.1716: ten terms are enough.
  const double t = (m - 1.0) / (m + 1.0);
  const double t2 = t * t;
  double sum = 0.0;
  for (int k = 19; k >= 1; k -= 2) {
    sum = sum * t2 + 1.0 / k;
  }
  return 2.0 * t * sum + exponent * kLn2;
}

double exact_exp(double x) {
  const double scaled = x / kLn2;
  const int n = static_cast<int>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
  const double r = x - n * kLn2;  // |r| <= ln 2 / 2.
  double sum = 1.0;
  for (int k = 14; k >= 1; --k) {
    sum = 1.0 + sum * r / k;
  }
  return sum * power_of_two(n);
}

double uniform(Prng& prng) {
  return (static_cast<double>(prng.next() >> 12) + 0.5) * (1.0 / 4503599627370496.0);  // 2^-52.
}

double normal(Prng& prng) {
  for (;;) {
    const double u = 2.0 * uniform(prng) - 1.0;
    const double v = 2.0 * uniform(prng) - 1.0;
    const double s = u * u + v * v;
    if (s < 1.0 && s > 0.0) {
      return u * std::sqrt(-2.0 * exact_log(s) / s);
    }
  }
}

double lognormal(Prng& prng, double mu, double sigma) {
  return exact_exp(mu + sigma * normal(prng));
}

double exponential(Prng& prng, double mean) {
  return -mean * exact_log(uniform(prng));
}

double log_uniform(Prng& prng, double low, double high) {
  const double a = exact_log(low);
  return exact_exp(a + (exact_log(high) - a) * uniform(prng));
}

}  // namespace cubby::emulator
