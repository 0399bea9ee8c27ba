#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "cubby/v1/config.nanopb.h"
#include "firmware/base/bytes.h"
#include "firmware/base/limits.h"
#include "firmware/base/names.h"

/// What a StationConfig and a StationRules have in common; `Rules` is either.
namespace cubby::core {

template <typename Rules>
bool brands_hold(const Rules& rules) {
  unsigned guaranteed = 0;
  for (std::size_t i = 0; i < rules.brands_count; ++i) {
    const auto& brand = rules.brands[i];
    if (!is_carrier_name(brand.carrier) || brand.share_percent > 100 ||
        brand.retention_h > limits::kRetentionHoursMax ||
        (brand.share_percent != 0 && brand.guaranteed_percent > brand.share_percent)) {
      return false;
    }
    guaranteed += brand.guaranteed_percent;
    for (std::size_t j = 0; j < i; ++j) {
      if (std::string_view(rules.brands[j].carrier) == brand.carrier) {
        return false;
      }
    }
  }
  return guaranteed <= 100;
}

/// Every bound of config.proto.
template <typename Rules>
bool rules_hold(const Rules& rules) {
  const unsigned language = number_in(rules.language);
  return rules.version >= 1 && rules.utc_offset_min >= limits::kUtcOffsetMinMin &&
         rules.utc_offset_min <= limits::kUtcOffsetMinMax && rules.retention_h >= 1 &&
         rules.retention_h <= limits::kRetentionHoursMax && rules.upsizing_steps <= limits::kUpsizingStepsMax &&
         rules.response_deadline_s >= limits::kResponseDeadlineSMin &&
         rules.response_deadline_s <= limits::kResponseDeadlineSMax &&
         language <= cubby_v1_PanelLanguage_PANEL_LANGUAGE_CHINESE && brands_hold(rules);
}

/// The retention period of a brand's parcels.
template <typename Rules>
std::uint32_t term_hours(const Rules& rules, std::string_view carrier) {
  for (std::size_t i = 0; i < rules.brands_count; ++i) {
    const auto& brand = rules.brands[i];
    if (brand.retention_h != 0 && carrier == std::string_view(brand.carrier)) {
      return brand.retention_h;
    }
  }
  return rules.retention_h;
}

}  // namespace cubby::core
