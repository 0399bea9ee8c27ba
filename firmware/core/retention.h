#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "cubby/v1/config.nanopb.h"
#include "firmware/core/recorder.h"

namespace cubby::core {

/// Makes parcels overdue. Terms count powered time: while the station is off they stand still, so an
/// unset or jumping clock never shortens one.
class Retention {
 public:
  void configure(const cubby_v1_StationConfig& config) { config_ = &config; }
  /// How long that parcel stays, without what an operator has added.
  std::uint32_t hours_of(const Parcel& parcel) const;
  /// Follows the compartment's state; call whenever it changed.
  void refresh(std::uint8_t compartment, const Compartment& now);
  /// Journals what is due.
  void tick(Recorder& recorder, Instant now);
  /// When the next term ends.
  Instant deadline(const Recorder& recorder) const;

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image, const cubby_v1_StationConfig& config) {
    bool configured = config_ != nullptr;
    image(configured, due_on_ms_, next_on_ms_, retry_at_);
    config_ = configured ? &config : nullptr;
  }

 private:
  static constexpr std::uint64_t kNever = UINT64_MAX;
  void find_next();

  const cubby_v1_StationConfig* config_ = nullptr;
  std::array<std::uint64_t, limits::kCompartmentsMax> due_on_ms_ = [] {
    std::array<std::uint64_t, limits::kCompartmentsMax> never{};
    never.fill(kNever);
    return never;
  }();
  std::uint64_t next_on_ms_ = kNever;
  Instant retry_at_{};  // The journal was full.
};

}  // namespace cubby::core
