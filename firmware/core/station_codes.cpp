#include "firmware/core/station_state.h"

/// What StationState knows of the parcels that share a code.
namespace cubby::core {

std::uint64_t StationState::group_code(std::string_view carrier, std::uint64_t recipient_token,
                                       const CodeKind& kind) const {
  if (recipient_token == 0) {
    return 0;  // Of nobody who is known.
  }
  for (const auto& compartment : compartments_) {
    const auto& parcel = compartment.parcel;
    if (compartment.state == CompartmentState::kOccupied && !parcel.code_dead && code_digits(parcel) == kind.digits &&
        parcel.key_version == kind.key_version && parcel.recipient_token == recipient_token &&
        parcel.carrier.view() == carrier) {
      return parcel.code_counter;
    }
  }
  return 0;
}

CompartmentBits StationState::group_of(const CompartmentBits& found, const CompartmentBits& same_digits) const {
  CompartmentBits group{};
  if (!any(found)) {
    return group;
  }
  const auto counter = compartment(first(found)).parcel.code_counter;
  for (auto left = same_digits; any(left);) {
    const auto number = first(left);
    set_bit(left, number, false);
    const auto& parcel = compartments_[number - 1U].parcel;
    const bool of_code = counter != 0 && !parcel.code_dead && parcel.code_counter == counter;
    if (test_bit(found, number) && !of_code) {
      return {};
    }
    set_bit(group, number, of_code);
  }
  return group;
}

}  // namespace cubby::core
