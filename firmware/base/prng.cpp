#include "firmware/base/prng.h"

namespace cubby {
namespace {

constexpr std::uint64_t rotate_left(std::uint64_t value, int bits) {
  return (value << bits) | (value >> (64 - bits));
}

// SplitMix64: spreads a seed over the words of state.
std::uint64_t split_mix(std::uint64_t& state) {
  state += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

// High and low half of a 64 x 64 bit product, without a 128-bit type (the microcontroller has none).
struct Product {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
};
constexpr Product multiply(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t a_low = a & 0xFFFF'FFFFU;
  const std::uint64_t a_high = a >> 32;
  const std::uint64_t b_low = b & 0xFFFF'FFFFU;
  const std::uint64_t b_high = b >> 32;
  const std::uint64_t low_low = a_low * b_low;
  const std::uint64_t middle = a_high * b_low + (low_low >> 32);
  const std::uint64_t middle_2 = a_low * b_high + (middle & 0xFFFF'FFFFU);
  return {.high = a_high * b_high + (middle >> 32) + (middle_2 >> 32), .low = a * b};
}

}  // namespace

Prng::Prng(std::uint64_t seed) {
  state_.seed = seed;
  std::uint64_t spread = seed;
  for (std::uint64_t& word : state_.words) {
    word = split_mix(spread);
  }
}

std::uint64_t Prng::next() {
  std::uint64_t* s = state_.words;
  const std::uint64_t result = rotate_left(s[1] * 5, 7) * 9;
  const std::uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate_left(s[3], 45);
  return result;
}

std::uint64_t Prng::below(std::uint64_t bound) {
  Product product = multiply(next(), bound);
  if (product.low < bound) {
    const std::uint64_t threshold = (0 - bound) % bound;
    while (product.low < threshold) {
      product = multiply(next(), bound);
    }
  }
  return product.high;
}

Prng Prng::child(std::string_view name, std::uint64_t index) const {
  std::uint64_t hash = 0xCBF29CE484222325ULL;  // FNV-1a over the name.
  for (const char c : name) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  }
  std::uint64_t mixed = state_.seed ^ rotate_left(hash, 23);
  const std::uint64_t first = split_mix(mixed);
  mixed = first ^ (index * 0xD6E8FEB86659FD93ULL);
  return Prng(split_mix(mixed));
}

}  // namespace cubby
