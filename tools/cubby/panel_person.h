#pragma once

#include <cstdint>
#include <string>

#include "tools/support/text.h"

namespace cubby::tools {

/// Who visits a front panel that hangs on a line, docs/spec/panel.md, not in an emulator: that of a cubby-controller or
/// of the microcontroller's image. Doors are moved at a `cubby board`, or by whoever stands at the cabinet.
struct PanelPlace {
  Endpoint panel;
  std::string boards;  // Control socket of `cubby board`; empty: somebody else moves the doors.
};

struct VisitResult {
  std::string error;  // One line; empty: it was done.
  std::uint32_t compartment = 0;
};

struct PanelDeposit {
  std::string pass;  // Text of a courier's pass.
  std::string parcel;
  char size = 'M';  // S, M, L or X.
};
/// A courier deposits one parcel. Each step has a deadline.
VisitResult deposit_at_panel(const PanelPlace& place, const PanelDeposit& deposit);

/// Somebody types a code, and takes out what is behind the door that opens. `second` may be empty.
VisitResult collect_at_panel(const PanelPlace& place, const std::string& code, const std::string& second);

/// A courier's pass for an hour, signed with the fleet's key; empty: `error` says why there is none.
std::string courier_pass(const std::string& carrier, const std::string& fleet_key_file, std::string& error);

}  // namespace cubby::tools
