#include "emulator/hardware/boards/line_noise.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace cubby::emulator {
namespace {

std::optional<std::uint32_t> rate_in(std::string_view text) {
  std::uint32_t rate = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
  const bool good = error == std::errc() && end == text.data() + text.size() && rate <= kNoiseMax;
  return good ? std::optional(rate) : std::nullopt;
}

std::string out_of_range(std::string_view part) {
  return std::string(part) + ": noise takes a whole number from 0 to " + std::to_string(kNoiseMax);
}

std::string names() {
  std::string all;
  for (const NoiseKind kind : kNoiseKinds) {
    all += all.empty() ? "" : kind == kNoiseKinds.back() ? " and " : ", ";
    all += to_string(kind);
  }
  return all;
}

}  // namespace

std::string_view to_string(NoiseKind kind) {
  switch (kind) {
    case NoiseKind::kFlip:
      return "flip";
    case NoiseKind::kBurst:
      return "burst";
    case NoiseKind::kDrop:
      return "drop";
    case NoiseKind::kDouble:
      return "double";
    case NoiseKind::kGlue:
      return "glue";
  }
  return "?";
}

std::string apply_noise(NoiseRates& rates, std::string_view text) {
  NoiseRates changed = rates;
  if (text == "off") {
    rates = NoiseRates();
    return {};
  }
  if (const auto flips = rate_in(text); flips.has_value()) {
    rates[NoiseKind::kFlip] = *flips;
    return {};
  }
  while (true) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view part = text.substr(0, end);
    const std::size_t equals = std::min(part.find('='), part.size());
    const auto kind = std::find_if(kNoiseKinds.begin(), kNoiseKinds.end(),
                                   [&](NoiseKind one) { return to_string(one) == part.substr(0, equals); });
    if (equals == part.size() && !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos) {
      return out_of_range(part);
    }
    if (kind == kNoiseKinds.end() || equals == part.size()) {
      return "'" + std::string(part) + "' is not kind=rate; noise has " + names() + ", or is off";
    }
    const auto rate = rate_in(part.substr(equals + 1));
    if (!rate.has_value()) {
      return out_of_range(part);
    }
    changed[*kind] = *rate;
    if (end == text.size()) {
      rates = changed;
      return {};
    }
    text.remove_prefix(end + 1);
  }
}

std::string to_string(const NoiseRates& rates) {
  std::string text;
  for (const NoiseKind kind : kNoiseKinds) {
    if (rates[kind] != 0) {
      text += (text.empty() ? "" : ",") + std::string(to_string(kind)) + "=" + std::to_string(rates[kind]);
    }
  }
  return text.empty() ? "off" : text;
}

}  // namespace cubby::emulator
