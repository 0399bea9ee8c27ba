#pragma once

#include <cstdint>

#include "firmware/base/instant.h"
#include "firmware/base/prng.h"

/// Distributions built from + - * / and the exactly rounded square root alone, so that the same seed gives
/// the same people on every compiler and C library.
namespace cubby::emulator {

/// Natural logarithm for x > 0 and exponential for |x| < 700; relative error below 1e-12.
double exact_log(double x);
double exact_exp(double x);

/// Uniform in (0, 1).
double uniform(Prng& prng);
/// Standard normal (Marsaglia's polar method).
double normal(Prng& prng);
/// exp(mu + sigma * normal).
double lognormal(Prng& prng, double mu, double sigma);
double exponential(Prng& prng, double mean);
/// Between low and high, uniform in the logarithm.
double log_uniform(Prng& prng, double low, double high);

inline Duration seconds(double s) {
  return Duration::microseconds(static_cast<std::int64_t>(s * 1e6));
}
inline Duration hours(double h) {
  return seconds(h * 3600.0);
}

}  // namespace cubby::emulator
