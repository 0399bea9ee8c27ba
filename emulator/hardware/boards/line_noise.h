#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace cubby::emulator {

/// What may happen to a byte on its way, and to a pause.
enum class NoiseKind : std::uint8_t {
  kFlip,    // One bit of the byte is another.
  kBurst,   // This byte and up to three that follow it are something else.
  kDrop,    // Nobody hears it.
  kDouble,  // Everybody hears it twice.
  kGlue,    // A talk reaches its hearer only with the next one, and without the pause between them.
};
inline constexpr std::array kNoiseKinds{NoiseKind::kFlip, NoiseKind::kBurst, NoiseKind::kDrop, NoiseKind::kDouble,
                                        NoiseKind::kGlue};
inline constexpr std::uint32_t kNoiseMax = 1'000'000;

/// How often: in a million bytes, kGlue in a million talks. 0: never.
class NoiseRates {
 public:
  std::uint32_t& operator[](NoiseKind kind) { return per_million_[static_cast<std::size_t>(kind)]; }
  std::uint32_t operator[](NoiseKind kind) const { return per_million_[static_cast<std::size_t>(kind)]; }

 private:
  std::array<std::uint32_t, kNoiseKinds.size()> per_million_{};
};

/// "flip".
std::string_view to_string(NoiseKind kind);
/// "flip=1000,drop=500" changes what it names, "off" ends all, a bare number is the rate of flips. Returns one
/// sentence that names what is allowed; empty: done. After an error the rates are as they were.
std::string apply_noise(NoiseRates& rates, std::string_view text);
/// "flip=1000,drop=500", or "off".
std::string to_string(const NoiseRates& rates);

}  // namespace cubby::emulator
