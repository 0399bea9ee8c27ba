#pragma once

#include <cstdint>
#include <string_view>

namespace cubby {

/// xoshiro256** with named children: one seed feeds a tree of generators, so that a new consumer does
/// not shift the others. Not for keys: nonces and journal ids come from hal::RandomSource.
class Prng {
 public:
  explicit Prng(std::uint64_t seed);
  std::uint64_t next();
  /// Uniform in [0, bound); bound > 0. Lemire's method, without floating point.
  std::uint64_t below(std::uint64_t bound);
  /// True with probability per_million / 10^6.
  bool chance(std::uint32_t per_million) { return below(1'000'000) < per_million; }
  /// A generator of its own, a function of this one's seed (not of its position), name and index.
  Prng child(std::string_view name, std::uint64_t index = 0) const;
  /// The four words of state and the seed, for a durable world.
  struct State {
    std::uint64_t seed = 0;
    std::uint64_t words[4] = {};
  };
  State state() const { return state_; }
  void restore(const State& state) { state_ = state; }

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(state_);
  }

 private:
  State state_;
};

}  // namespace cubby
